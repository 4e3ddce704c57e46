import fc from "fast-check";
import { expect, test } from "vitest";
import { Keeper, type KeeperEvent } from "./keeper.ts";

/* What the keeper of a worker that follows its hub decides. */

const announced = (digest: string, sequence = 1): KeeperEvent => ({ type: "Announced", digest, sequence });

test("what is new is fetched, the worker leaves when it is there, and starts again as it", () => {
  const keeper = new Keeper("a");
  expect(keeper.handle(announced("a"))).toEqual([]);
  expect(keeper.handle(announced("b", 2))).toEqual([{ type: "Install", digest: "b" }]);
  expect(keeper.handle(announced("b", 2))).toEqual([]);
  expect(keeper.handle({ type: "Installed", digest: "b" })).toEqual([{ type: "LetLeave" }]);
  expect(keeper.handle({ type: "Ended", status: 0 })).toEqual([{ type: "Start", digest: "b", why: "new" }]);
  expect(keeper.handle({ type: "Joined" })).toEqual([]);
  expect(keeper.handle(announced("b", 2))).toEqual([]);
});

test("one that ends before it has joined is left for the one before, and not tried again", () => {
  const keeper = new Keeper("a");
  keeper.handle(announced("b", 2));
  keeper.handle({ type: "Installed", digest: "b" });
  keeper.handle({ type: "Ended", status: 0 });
  expect(keeper.handle({ type: "Ended", status: 70 })).toEqual([{ type: "Start", digest: "a", why: "back" }]);
  expect(keeper.handle(announced("b", 2))).toEqual([]);
  expect(keeper.handle(announced("c", 3))).toEqual([{ type: "Install", digest: "c" }]);
});

test("a worker that is turned away asks for another version before it gives up", () => {
  const keeper = new Keeper("a");
  expect(keeper.handle({ type: "Ended", status: 2 })).toEqual([{ type: "Ask" }]);
  expect(keeper.handle(announced("b"))).toEqual([{ type: "Install", digest: "b" }]);
  expect(keeper.handle({ type: "Installed", digest: "b" })).toEqual([
    { type: "Start", digest: "b", why: "new" },
  ]);
  const other = new Keeper("a");
  other.handle({ type: "Ended", status: 2 });
  expect(other.handle(announced("a"))).toEqual([{ type: "End", status: 2 }]);
  const unheard = new Keeper("a");
  unheard.handle({ type: "Ended", status: 5 });
  expect(unheard.handle({ type: "NotAnnounced" })).toEqual([{ type: "End", status: 5 }]);
});

test("what the hub said earlier counts no more, and a fetch that fails changes nothing", () => {
  const keeper = new Keeper("b");
  expect(keeper.handle(announced("b", 5))).toEqual([]);
  expect(keeper.handle(announced("a", 4))).toEqual([]);
  keeper.handle(announced("c", 6));
  expect(keeper.handle({ type: "NotInstalled", digest: "c" })).toEqual([]);
  expect(keeper.handle(announced("c", 6))).toEqual([{ type: "Install", digest: "c" }]);
});

test("whoever stops it stops it, whatever is under way", () => {
  const keeper = new Keeper("a");
  keeper.handle(announced("b"));
  expect(keeper.handle({ type: "Stopped" })).toEqual([]);
  expect(keeper.handle({ type: "Installed", digest: "b" })).toEqual([]);
  expect(keeper.handle({ type: "Ended", status: 143 })).toEqual([{ type: "End", status: 143 }]);
});

test("whatever happens, one worker runs, and it is told to leave or started, never both", () => {
  const digest = fc.constantFrom("a", "b", "c");
  const event: fc.Arbitrary<KeeperEvent> = fc.oneof(
    fc.record({ type: fc.constant("Announced" as const), digest, sequence: fc.nat(5) }),
    fc.constant({ type: "NotAnnounced" as const }),
    fc.record({ type: fc.constant("Installed" as const), digest }),
    fc.record({ type: fc.constant("NotInstalled" as const), digest }),
    fc.constant({ type: "Joined" as const }),
    fc.record({ type: fc.constant("Ended" as const), status: fc.nat(70) }),
    fc.constant({ type: "Stopped" as const }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const keeper = new Keeper("a");
      let alive = true;
      let ended = false;
      const installed = new Set(["a"]);
      for (const each of events) {
        if (ended || (each.type === "Ended" && !alive) || (each.type === "Joined" && !alive)) continue;
        if (each.type === "Ended") alive = false;
        if (each.type === "Installed") installed.add(each.digest);
        for (const instruction of keeper.handle(each)) {
          if (instruction.type === "LetLeave") expect(alive).toBe(true);
          if (instruction.type === "Start") {
            expect(alive).toBe(false);
            expect(installed).toContain(instruction.digest);
            expect(keeper.running).toBe(instruction.digest);
            alive = true;
          }
          if (instruction.type === "End") {
            expect(alive).toBe(false);
            ended = true;
          }
        }
      }
    }),
  );
});
