import { expect, test } from "vitest";
import { chunkerArgument, parseDatasetPath } from "./dataset-argument.ts";

test("the length of chunks, as ipfs add has it or as a size; other chunkers are not known", () => {
  expect(["size-262144", "1000", "1MB", "size-64KB"].map(chunkerArgument)).toEqual([
    262_144, 1000, 1_048_576, 65_536,
  ]);
  for (const text of ["rabin", "rabin-512-1024-2048", "buzhash", "size-0", "size-", ""]) {
    expect(() => chunkerArgument(text), text).toThrow("size- and a number of bytes");
  }
});

test("what stands before the first slash is the dataset", () => {
  expect(parseDatasetPath("books/more/alice.txt")).toEqual({ dataset: "books", path: "more/alice.txt" });
  expect(parseDatasetPath("/books//more/")).toEqual({ dataset: "books", path: "more" });
  expect(parseDatasetPath("books")).toEqual({ dataset: "books", path: "" });
});
