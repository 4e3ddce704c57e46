import { expect, test } from "vitest";
import { defaultLimits } from "../../protocol/index.ts";
import { CreditBook, ROWS_A_PAGE } from "./book.ts";

const who = (person: string, project = "default", label = "") => ({ person, project, label });

test("rows come back from their pages as they were, and only changed pages are stored", () => {
  const book = new CreditBook(1000);
  for (let at = 0; at < 3 * ROWS_A_PAGE; at++) book.add(who(`p${at}`), at + 0.5, at, 1000 + at);
  const pages = new Map(book.takeChanged().map((page) => [page, book.encodePage(page)]));
  expect([...pages.keys()]).toEqual([0, 1, 2]);
  // Of a clock that counts parts of milliseconds, too.
  book.add(who("p70", "default", "ana"), 1, 1, 9999.25);
  expect(book.takeChanged()).toEqual([1]);
  pages.set(1, book.encodePage(1));
  const again = new CreditBook(1000);
  for (const page of [0, 1, 2]) again.readPage(pages.get(page)!);
  expect(again.list()).toEqual(book.list());
  again.add(who("p70"), 1, 1, 10_000);
  expect(again.takeChanged()).toEqual([1]);
});

test("one person has a row for each project, and the one with most stands first", () => {
  const book = new CreditBook(10);
  book.add(who("ana", "stars"), 5, 1, 1);
  book.add(who("ana", "rivers"), 7, 1, 1);
  book.add(who("bob", "stars"), 6, 1, 1);
  expect(book.list().map(({ person, seconds }) => [person, seconds])).toEqual([
    ["ana", 7],
    ["bob", 6],
    ["ana", 5],
  ]);
  expect(book.list("stars").map(({ person }) => person)).toEqual(["bob", "ana"]);
});

test("creditRowsMax: further people are credited together, and those who are in it stay", () => {
  const book = new CreditBook(2);
  for (const person of ["ana", "bob", "joe", "kim", "ana"]) book.add(who(person, "default", person), 1, 1, 1);
  const rows = book.list().map(({ person, label, seconds }) => [person, label, seconds]);
  expect(rows).toEqual([
    ["(others)", "", 2],
    ["ana", "ana", 2],
    ["bob", "bob", 1],
  ]);
});

test("a page of the longest rows fits into a value of the registry; what is no page is said to be none", () => {
  const book = new CreditBook(ROWS_A_PAGE);
  for (let at = 0; at < ROWS_A_PAGE; at++) {
    book.add(who(`${at}`.padEnd(64, "x"), "🐙".repeat(64), "🐙".repeat(200)), 0.1, 2 ** 40, 2 ** 45);
  }
  expect(book.encodePage(0).length).toBeLessThan(defaultLimits.registryValueBytesMax);
  expect(() => new CreditBook(1).readPage(Uint8Array.of(1))).toThrow(
    expect.objectContaining({ code: "JOURNAL_CORRUPT" }),
  );
});
