/** The agent that contributes one machine; `node.ts` starts it, `core` is its pure state machine. */
export * from "./core/index.ts";
