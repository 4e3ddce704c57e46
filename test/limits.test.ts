import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { defaultLimits } from "../src/protocol/index.ts";

/* Each limit is reached on purpose by a test, which has the limit's name in its title. */

const root = fileURLToPath(new URL("../", import.meta.url));

const titlesIn = (text: string): string[] =>
  [...text.matchAll(/\b(?:test|it)\(\s*(["'`])(.*?)\1,/g)].map((match) => match[2]!);

function titles(): string[] {
  return ["src", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(test|contract)\.tsx?$/.test(entry.name))
      .flatMap((entry) => titlesIn(readFileSync(join(entry.parentPath, entry.name), "utf8"))),
  );
}

test("titles are found, on one line or on the next", () => {
  expect(titlesIn('test("a", f);\n  it(\n    "b: c",\n f); test.skip("d", f); latest("e", f)')).toEqual([
    "a",
    "b: c",
  ]);
});

/** Limits whose test is still to be written; a name leaves this list when one names it. */
const unreached: string[] = [];

test("every limit is reached by a test that names it in its title", () => {
  const words = new Set(titles().flatMap((title) => title.match(/\b[a-z]+[A-Z]\w*/g) ?? []));
  expect(words.size).toBeGreaterThan(20);
  expect(Object.keys(defaultLimits).filter((limit) => !words.has(limit))).toEqual(unreached);
});
