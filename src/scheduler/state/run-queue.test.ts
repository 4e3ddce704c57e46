import fc from "fast-check";
import { expect, test } from "vitest";
import { RunQueue } from "./run-queue.ts";
import type { Job } from "./state.ts";

test("the queue gives the least first, as a sorted list would", () => {
  const change = fc.tuple(
    fc.nat({ max: 15 }),
    fc.constantFrom("add", "remove", "update"),
    fc.nat({ max: 20 }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), fc.array(fc.nat({ max: 15 })), (changes, excluded) => {
      const queue = new RunQueue();
      const jobs = Array.from({ length: 16 }, (_, order) => ({ order, vtimeMs: 0, queueAt: -1 }) as Job);
      for (const [at, type, vtimeMs] of changes) {
        const job = jobs[at]!;
        if (type === "add" && job.queueAt < 0) {
          job.vtimeMs = vtimeMs;
          queue.add(job);
        } else if (type === "remove" && job.queueAt >= 0) {
          queue.remove(job);
        } else if (type === "update" && job.queueAt >= 0) {
          job.vtimeMs = vtimeMs;
          queue.update(job);
        }
        const without = new Set(excluded.map((other) => jobs[other]!));
        for (const out of [undefined, without]) {
          const sorted = jobs
            .filter((other) => other.queueAt >= 0 && !out?.has(other))
            .sort((a, b) => a.vtimeMs - b.vtimeMs || a.order - b.order);
          expect(queue.least(out)).toBe(sorted[0]);
          if (sorted[0] !== undefined) expect(queue.runnerUp(sorted[0], out)).toBe(sorted[1]);
        }
      }
    }),
  );
});
