import { engineContract } from "../engine.contract.ts";
import { memoryEngine } from "./index.ts";

engineContract("memory engine", async (limits = {}) => {
  let nowMs = 1_000_000;
  const engine = memoryEngine({ limits, nowMs: () => nowMs });
  return {
    engine,
    advance: (ms) => {
      nowMs += ms;
    },
    dispose: () => engine.close(),
  };
});
