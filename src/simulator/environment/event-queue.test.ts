import fc from "fast-check";
import { expect, test } from "vitest";
import { EventQueue } from "./event-queue.ts";

test("actions run by time, and at one time in the order in which they were asked for", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 3_000 }), (times) => {
      const queue = new EventQueue();
      const ran: [ms: number, at: number][] = [];
      for (const [at, ms] of times.entries()) {
        queue.at(ms, () => {
          expect(queue.nowMs).toBe(ms);
          ran.push([ms, at]);
        });
      }
      expect(queue.size).toBe(times.length);
      while (queue.step());
      const sorted = times.map((ms, at) => [ms, at] as const).toSorted(([a], [b]) => a - b);
      expect(ran).toEqual(sorted);
      expect(queue.run).toBe(times.length);
      expect(queue.peak).toBe(times.length);
    }),
    { numRuns: 60 },
  );
});

/** As slow and plain as can be. */
class Model {
  #waiting: { ms: number; order: number; name: number }[] = [];
  #order = 0;
  nowMs = 0;

  at(ms: number, name: number): void {
    if (ms < Number.POSITIVE_INFINITY)
      this.#waiting.push({ ms: Math.max(ms, this.nowMs), order: this.#order++, name });
  }

  step(): number | undefined {
    const first = this.#waiting.toSorted((a, b) => a.ms - b.ms || a.order - b.order)[0];
    if (first === undefined) return undefined;
    this.#waiting = this.#waiting.filter((other) => other !== first);
    this.nowMs = first.ms;
    return first.name;
  }

  get nextMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#waiting.map(({ ms }) => ms));
  }
}

test("it does what a sorted list does, however asking and stepping alternate", () => {
  const command = fc.oneof(
    fc.record({
      at: fc.oneof(
        fc.integer({ min: 0, max: 60 }),
        fc.double({ min: 0, max: 10_000, noNaN: true }),
        fc.integer({ min: 0, max: 5 }).map((spans) => spans * 1_024),
        fc.constant(Number.POSITIVE_INFINITY),
      ),
    }),
    fc.record({ after: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 3_000 })) }),
    fc.constant("step" as const),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300 }), (commands) => {
      const queue = new EventQueue();
      const model = new Model();
      let ran = -1;
      for (const [name, what] of commands.entries()) {
        const action = () => {
          ran = name;
        };
        if (what === "step") {
          const expected = model.step();
          expect(queue.step()).toBe(expected !== undefined);
          if (expected !== undefined) expect(ran).toBe(expected);
        } else if ("at" in what) {
          queue.at(what.at, action);
          model.at(what.at, name);
        } else {
          queue.after(what.after, action);
          model.at(model.nowMs + what.after, name);
        }
        expect(queue.nextMs).toBe(model.nextMs);
        expect(queue.nowMs).toBe(model.nowMs);
      }
    }),
  );
});

test("one action serves many events, each with its token", () => {
  const queue = new EventQueue();
  const got: number[] = [];
  const action = (token: number) => got.push(token);
  for (const token of [3, 1, 2]) queue.at(token * 2_000, action, token);
  queue.at(0, action);
  while (queue.step());
  expect(got).toEqual([0, 1, 2, 3]);
});

test("what is asked for within an action at its own time comes behind what was there", () => {
  const queue = new EventQueue();
  const ran: string[] = [];
  queue.at(5, () => {
    ran.push("first");
    queue.after(0, () => ran.push("third"));
    queue.at(1, () => ran.push("fourth, though it should have been earlier"));
  });
  queue.at(5, () => ran.push("second"));
  while (queue.step());
  expect(ran).toEqual(["first", "second", "third", "fourth, though it should have been earlier"]);
  expect(queue.nowMs).toBe(5);
});
