import { expect, test } from "vitest";
import {
  afterAdoption,
  afterHearing,
  afterLoss,
  afterPublishing,
  isNews,
  mergeCatalogue,
  noMarks,
  sharedOrders,
} from "./recovery.ts";

test("only what was said before the loss is news, or while the hub hears the others", () => {
  const lost = afterLoss(afterPublishing(noMarks, 100), 1_000);
  expect(lost).toEqual({ sequence: 100, adopted: 100, recoveredAtMs: 1_000, hearing: true });
  expect([100, 101, 2_000].map((sequence) => isNews(lost, sequence))).toEqual([false, true, true]);
  const back = afterHearing(afterAdoption(lost, 500));
  // One that was away may know of more; what this hub has said since is its own.
  expect([500, 501, 1_000, 1_001].map((sequence) => isNews(back, sequence))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(afterPublishing(back, 700).sequence).toBe(1_001);
  expect(afterPublishing({ ...back, sequence: 5_000 }, 700).sequence).toBe(5_001);
  // Also when what somebody else knew is taken after that.
  expect(isNews(afterAdoption(back, 900), afterPublishing(back, 1_500).sequence)).toBe(false);
  // Where the clock has gone back the loss was not before what was said before.
  const late = afterHearing(afterAdoption(lost, 2_000));
  expect([1_999, 2_000].map((sequence) => isNews(late, sequence))).toEqual([false, false]);
  expect(afterPublishing(late, 1_500).sequence).toBe(2_001);
});

test("a catalogue is the truth about its time, and about nothing later", () => {
  const entry = (name: string, createdAtMs: number) => ({ name, createdAtMs });
  const own = [entry("removed", 10), entry("kept", 10), entry("put since", 60), entry("put anew", 60)];
  const catalogue = [entry("kept", 10), entry("put anew", 20), entry("forgotten", 30)];
  expect(mergeCatalogue(own, catalogue, 50)).toEqual({
    removed: ["removed"],
    taken: [entry("kept", 10), entry("forgotten", 30)],
  });
});

test("each missing block is asked of one who keeps it, all of them alike, and of nobody twice", () => {
  const holders = new Map([
    ["a", ["1", "2"]],
    ["b", ["1", "2"]],
    ["c", ["1"]],
    ["d", []],
  ]);
  const asked = new Map([...holders.keys()].map((cid) => [cid, new Set<string>()]));
  const holdersOf = (cid: string) => holders.get(cid)!;
  expect(sharedOrders(holders.keys(), asked, holdersOf)).toEqual(
    new Map([
      ["1", ["a", "c"]],
      ["2", ["b"]],
    ]),
  );
  expect(sharedOrders(holders.keys(), asked, holdersOf)).toEqual(
    new Map([
      ["2", ["a"]],
      ["1", ["b"]],
    ]),
  );
  expect(sharedOrders(holders.keys(), asked, holdersOf).size).toBe(0);
});
