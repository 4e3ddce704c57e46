import { expect, test, vi } from "vitest";
import { memoryEngine } from "../../engine/index.ts";
import { defaultLimits } from "../../protocol/index.ts";
import { createScheduler, people } from "../../scheduler/index.ts";
import { People, recoverPeople } from "./people.ts";

const fault = (error: unknown): never => {
  throw error;
};

test("peopleSaveMs: what is found out is written so much later, the latest of each person", async () => {
  vi.useFakeTimers();
  try {
    const { registry } = memoryEngine();
    const known = new People(registry, 1_000, fault);
    known.learn({ person: "ada & co", streak: 1, valid: 1, bad: 0 });
    known.learn({ person: "ada & co", streak: 2, valid: 2, bad: 0 });
    await vi.advanceTimersByTimeAsync(999);
    expect(await registry.list("person/")).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    const scheduler = createScheduler(defaultLimits);
    await recoverPeople(registry, scheduler);
    expect([...people(scheduler)]).toEqual([
      { person: "ada & co", standing: "newcomer", streak: 2, valid: 2, bad: 0 },
    ]);
  } finally {
    vi.useRealTimers();
  }
});
