import { expect, test } from "vitest";
import {
  afterAdoption,
  afterHearing,
  afterLoss,
  afterPublishing,
  type CatalogueMarks,
  type CatalogueSpan,
  isNews,
  noMarks,
  sharedOrders,
} from "./recovery.ts";

/** As it was before any loss. */
const said = (sequence: number): CatalogueSpan => ({ sequence, unheard: [] });

test("only what was said before the loss is news, or while the hub hears the others", () => {
  const lost = afterLoss(afterPublishing(noMarks, 100), 1_000);
  expect(lost).toEqual({
    sequence: 100,
    adopted: 100,
    recoveredAtMs: 1_000,
    hearing: true,
    unheard: [[100, 1_000]],
  });
  expect([100, 101, 2_000].map((sequence) => isNews(lost, said(sequence)))).toEqual([false, true, true]);
  const back = afterHearing(afterAdoption(lost, said(500)));
  const own = (marks: CatalogueMarks, wallMs: number) => afterPublishing(marks, wallMs);
  // One that was away may know of more; what this hub has said since is its own.
  expect([500, 501, 1_000].map((sequence) => isNews(back, said(sequence)))).toEqual([false, true, true]);
  expect(isNews(back, own(back, 1_001))).toBe(false);
  // One of a version that did not say what it had not heard of.
  const mute = (sequence: number) => ({ sequence, unheard: undefined });
  expect([500, 501, 1_000, 1_001].map((sequence) => isNews(back, mute(sequence)))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(afterPublishing(back, 700).sequence).toBe(1_001);
  expect(afterPublishing({ ...back, sequence: 5_000 }, 700).sequence).toBe(5_001);
  // Also when what somebody else knew is taken after that.
  expect(isNews(afterAdoption(back, said(900)), own(back, 1_500))).toBe(false);
  // Where the clock has gone back the loss was not before what was said before.
  const late = afterHearing(afterAdoption(lost, said(2_000)));
  expect([1_999, 2_000].map((sequence) => isNews(late, said(sequence)))).toEqual([false, false]);
  expect(afterPublishing(late, 1_500).sequence).toBe(2_001);
});

test("what was said before an earlier loss, and nobody has heard since, is news after the next one", () => {
  const first = afterAdoption(afterLoss(noMarks, 1_000), said(100));
  const second = afterPublishing(afterHearing(first), 1_500);
  const marks = afterAdoption(afterLoss(noMarks, 3_000), second);
  expect(marks.unheard).toEqual([
    [100, 1_000],
    [1_500, 3_000],
  ]);
  expect([99, 100, 101, 700].map((sequence) => isNews(marks, said(sequence)))).toEqual([
    false,
    false,
    true,
    true,
  ]);
  const third = afterAdoption(marks, said(700));
  expect(third.unheard).toEqual([
    [700, 1_000],
    [1_500, 3_000],
  ]);
  expect(third).toEqual(afterAdoption(afterAdoption(afterLoss(noMarks, 3_000), said(700)), second));
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
