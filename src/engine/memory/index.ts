/** The adapter that forgets: the reference for the others, and the simulator's. */
export { memoryEngine } from "./memory-engine.ts";
