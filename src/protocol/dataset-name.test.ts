import { expect, test } from "vitest";
import { checkDatasetName } from "./dataset-name.ts";

test("a dataset's name is short, in small letters, and leads to no other place", () => {
  for (const name of ["a", "books.2026-01_b", "9", "x".repeat(64), "stars:books"]) checkDatasetName(name);
  const wrong = [
    "",
    "Books",
    "a b",
    "../a",
    ".a",
    "a/b",
    "x".repeat(65),
    "a:b:c",
    ":a",
    "a:",
    "a\n",
    5 as never,
  ];
  for (const name of wrong) {
    expect(() => checkDatasetName(name)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
  }
});
