import { expect, test } from "vitest";
import { Wholeness } from "./wholeness.ts";

function known() {
  const roots = ["a", "b"];
  return { roots, wholeness: new Wholeness(() => roots) };
}

test("nothing may go that was not looked at, and nothing unknown as long as anything lacks", () => {
  const { wholeness } = known();
  const heldOf = () => ["a", "b", "unknown"].filter(wholeness.held());
  expect([wholeness.unsure(), heldOf()]).toEqual([
    ["a", "b"],
    ["a", "b", "unknown"],
  ]);
  wholeness.looked(
    new Map([
      ["a", 0],
      ["b", 2],
    ]),
    10,
  );
  expect([wholeness.unsure(), heldOf()]).toEqual([["b"], ["b", "unknown"]]);
  wholeness.isNowWhole("b");
  expect([wholeness.unsure(), heldOf()]).toEqual([[], []]);
  wholeness.doubt();
  expect(heldOf()).toEqual(["a", "b", "unknown"]);
});

test("what lacks is known by how much and since when, until it is back or removed", () => {
  const { roots, wholeness } = known();
  wholeness.looked(new Map([["a", 3]]), 10.5);
  wholeness.looked(new Map([["a", 2]]), 20);
  expect([...wholeness.lacks]).toEqual([["a", { blocks: 2, sinceMs: 10 }]]);
  wholeness.looked(new Map([["a", 0]]), 30);
  expect(wholeness.lacks.size).toBe(0);
  wholeness.looked(new Map([["b", 1]]), 40);
  roots.pop();
  // Its look was under way when it was removed; then it is put again.
  wholeness.looked(new Map([["b", 1]]), 50);
  expect(wholeness.lacks.size).toBe(0);
  roots.push("b");
  expect(wholeness.unsure()).toEqual(["b"]);
});

test("what a hub lacked when it ended it lacks since then", () => {
  const wholeness = new Wholeness(() => ["a"], [["a", { blocks: 1, sinceMs: 5 }]]);
  wholeness.looked(new Map([["a", 4]]), 100);
  expect([...wholeness.lacks]).toEqual([["a", { blocks: 4, sinceMs: 5 }]]);
});
