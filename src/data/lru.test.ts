import { expect, test } from "vitest";
import { ByteLru } from "./lru.ts";

test("the least recently used goes first; the bytes stay below the bound, the newest apart", () => {
  const lru = new ByteLru<string, number>(10, (size) => size, { keepsNewest: true });
  lru.set("a", 4);
  lru.set("b", 4);
  expect(lru.get("a")).toBe(4);
  lru.set("c", 4);
  expect(lru.get("b")).toBeUndefined();
  expect(lru.get("a")).toBe(4);
  lru.set("huge", 11);
  expect([lru.get("a"), lru.get("c"), lru.get("huge")]).toEqual([undefined, undefined, 11]);
  lru.set("d", 4);
  expect([lru.get("huge"), lru.get("d")]).toEqual([undefined, 4]);
});
