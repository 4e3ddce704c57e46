import { type EngineOptions, engineLimits } from "../options.ts";
import type { Engine } from "../port.ts";
import { MemoryBlobs } from "./blobs.ts";
import { MemoryJournal } from "./journal.ts";
import { MemoryRegistry } from "./registry.ts";

/** An engine whose everything is lost with the process: for tests and the simulator. */
export function memoryEngine(options: EngineOptions = {}): Engine {
  const limits = engineLimits(options);
  const nowMs = options.nowMs ?? Date.now;
  const journal = new MemoryJournal(limits);
  return {
    journal,
    registry: new MemoryRegistry(limits, nowMs),
    blobs: new MemoryBlobs(limits, nowMs),
    faults: () => [],
    close: () => journal.close(),
  };
}
