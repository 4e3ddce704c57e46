import { expect, test } from "vitest";
import { columnsOf, csvLine, jsonOf, textOf } from "./value-text.ts";

test("values that JSON does not know are written so that one sees what they were", () => {
  expect(
    jsonOf({ big: 5n, map: new Map([["a", 1]]), set: new Set([1]), bytes: new Uint8Array([1, 2]) }),
  ).toBe('{"big":"5n","map":{"a":1},"set":[1],"bytes":[1,2]}');
  expect([jsonOf(undefined), jsonOf(Number.NaN), textOf("a b"), textOf(3)]).toEqual([
    "null",
    '"NaN"',
    "a b",
    "3",
  ]);
});

test("lines of CSV are quoted where need be, and are no formulas", () => {
  expect(csvLine([1, 'say "hi"', "a,b", { x: 1 }])).toBe('1,"say ""hi""","a,b","{""x"":1}"\r\n');
  expect(csvLine(["=1+1", "-5", "-x", "@a"])).toBe("'=1+1,-5,'-x,'@a\r\n");
});

test("plain objects have columns, other values have none", () => {
  expect(columnsOf({ a: 1, b: 2 })).toEqual(["a", "b"]);
  expect([columnsOf([1]), columnsOf("a"), columnsOf(null), columnsOf(new Map())]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
