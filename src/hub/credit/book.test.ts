import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits } from "../../protocol/index.ts";
import { CreditBook, type CreditRow, ROWS_A_PAGE } from "./book.ts";

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

/** What one keeper knows: rows as they were given out, and by which life of the hub. */
type Word = readonly [rows: readonly CreditRow[], lifeMs: number];

const totals = (book: CreditBook) => Object.fromEntries(book.list().map((row) => [row.person, row.seconds]));

test("what was credited before a disk was lost is counted once, whoever says it how often, in whatever order", () => {
  const change = fc.record({
    kind: fc.constantFrom("earn", "earn", "earn", "give", "say", "lose"),
    person: fc.constantFrom("ana", "bob", "eve"),
    keeper: fc.nat(2),
    seconds: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      let book = new CreditBook(10);
      let lifeMs = 0;
      const keepers: Word[] = [];
      const earned: Record<string, number> = {};
      for (const { kind, person, keeper, seconds } of changes) {
        if (kind === "earn") {
          book.add(who(person), seconds, 1, 1);
          earned[person] = (earned[person] ?? 0) + seconds;
        }
        if (kind === "give") keepers[keeper] = [book.rows(), lifeMs];
        if (kind === "say" && keepers[keeper] !== undefined) book.merge(...keepers[keeper]);
        if (kind !== "lose") continue;
        // Somebody has the last word of it, and comes back at some time, or never.
        keepers[2] = [book.rows(), lifeMs];
        book = new CreditBook(10, ++lifeMs);
      }
      for (const [person, seconds] of Object.entries(totals(book))) {
        expect(seconds).toBeLessThanOrEqual(earned[person]!);
      }
    }),
  );
});

test("whoever has heard all of before the loss has all of it, also where much was earned meanwhile", () => {
  const before = new CreditBook(10);
  before.add(who("ana"), 10, 1, 1);
  const stale = before.rows();
  before.add(who("ana", "default", "Ana"), 5, 2, 7);
  before.add(who("bob"), 3, 1, 2);
  const fresh = before.rows();
  const after = new CreditBook(10, 500);
  after.merge(stale, 0);
  after.add(who("ana"), 4, 1, 600);
  after.add(who("eve"), 1, 1, 600);
  const own = after.rows();
  for (const word of [fresh, stale, fresh]) after.merge(word, 0);
  after.merge(own, 500);
  expect(after.list()).toEqual([
    { person: "ana", project: "default", label: "", seconds: 19, inputs: 4, lastAtMs: 600 },
    { person: "bob", project: "default", label: "", seconds: 3, inputs: 1, lastAtMs: 2 },
    { person: "eve", project: "default", label: "", seconds: 1, inputs: 1, lastAtMs: 600 },
  ]);
  // Its pages say so, too, and in another life all of it was before.
  const [same, next] = [new CreditBook(10, 500), new CreditBook(10, 900)];
  for (const book of [same, next]) {
    book.readPage(after.encodePage(0));
    book.merge(fresh, 0);
    expect(book.list()).toEqual(after.list());
  }
  expect(same.rows()[0]).toMatchObject({ beforeSeconds: 15, seconds: 19 });
  expect(next.rows()[0]).toMatchObject({ beforeSeconds: 19, seconds: 19 });
});
