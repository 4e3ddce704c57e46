import fc from "fast-check";
import { expect, test } from "vitest";
import { readText, splitWords, Tally } from "./words.ts";

test("words are split at spaces and line ends, case kept, empty ones dropped", () => {
  expect(splitWords(" The the,\r\nthe\n\n tabs\tstay ")).toEqual(["The", "the,", "the", "tabs\tstay"]);
});

test("a tally counts what it was given", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("all", "for", "one", "constructor")), (words) => {
      const tally = new Tally();
      for (const word of words) tally.add([word, 1]);
      const top = tally.top(10);
      expect(tally.total).toBe(words.length);
      expect(tally.distinct).toBe(new Set(words).size);
      expect(new Map(top)).toEqual(
        new Map(top.map(([word]) => [word, words.filter((it) => it === word).length])),
      );
      expect(top.map(([, number]) => number)).toEqual(
        top.map(([, number]) => number).toSorted((a, b) => b - a),
      );
    }),
  );
});

test("equally frequent words come by the alphabet", () => {
  const tally = new Tally();
  for (const word of ["b", "a", "c", "c"]) tally.add([word, 1]);
  expect(tally.top(2)).toEqual([
    ["c", 2],
    ["a", 1],
  ]);
});

test("the package has thousands of words of its own", async () => {
  expect(splitWords(await readText(undefined)).length).toBeGreaterThan(1_500);
});

test("a text that cannot be read says so", async () => {
  await expect(readText("no-such-text")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
});
