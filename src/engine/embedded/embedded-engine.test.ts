import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineContract } from "../engine.contract.ts";
import { embeddedEngine } from "./index.ts";

for (const durability of ["default", "strict"] as const) {
  engineContract(`embedded engine, durability ${durability}`, async (limits = {}) => {
    const directory = await mkdtemp(join(tmpdir(), "musketeers-engine-"));
    let nowMs = 1_000_000;
    const open = () => embeddedEngine(join(directory, "data"), { limits, durability, nowMs: () => nowMs });
    let engine = await open();
    return {
      engine,
      advance: (ms) => {
        nowMs += ms;
      },
      async reopen() {
        await engine.close();
        engine = await open();
        return engine;
      },
      async dispose() {
        await engine.close();
        await rm(directory, { recursive: true, force: true, maxRetries: 10 });
      },
    };
  });
}
