import fc from "fast-check";
import { expect, test } from "vitest";
import { TextCells } from "./text-cells.ts";

/** Short and long ones, of one byte a character and of two, some of them often. */
const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.string({ minLength: 60, maxLength: 70 }),
  fc.constantFrom("", "the", "\u0000", "thé", "the\u0000", "x".repeat(64), "x".repeat(65)),
  fc.integer({ min: 0, max: 9_999 }).map(String),
);

const inOrder = (cells: TextCells<{ text: string; n: number }>) =>
  [...cells.values()].map(({ text, n }) => `${n} ${text}`);

test("it counts as a Map does, through growing and clearing", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ before: fc.array(texts), many: fc.integer({ min: 0, max: 9_000 }) })),
      (rounds) => {
        const cells = new TextCells<{ text: string; n: number }>();
        for (const { before, many } of rounds) {
          const model = new Map<string, number>();
          const words = [...before, ...Array.from({ length: many }, (_, at) => `w${at % 7_000}`), ...before];
          for (const text of words) {
            const cell = cells.get(text);
            if (cell?.n !== model.get(text)) expect.fail(`${JSON.stringify(text)} is ${cell?.n}`);
            if (cell === undefined) cells.add(text, { text, n: 1 });
            else cell.n++;
            model.set(text, (model.get(text) ?? 0) + 1);
          }
          expect(cells.size).toBe(model.size);
          const isShort = ([text]: [string, number]) => text.length <= 64;
          const entries = [...model];
          const expected = [...entries.filter(isShort), ...entries.filter((entry) => !isShort(entry))];
          expect(inOrder(cells)).toEqual(expected.map(([text, n]) => `${n} ${text}`));
          cells.clear();
          expect(cells.size).toBe(0);
          expect(cells.get("the")).toBeUndefined();
        }
      },
    ),
    { numRuns: 10 },
  );
});

test("texts of one hash are told apart", () => {
  const texts = ["\u00a1a", "\ua3a0\u98fe", "\u00a6a", "\ua3a1\u9bd4", "\u00a5a", "\ua3a4\u98d6"];
  const cells = new TextCells<number>();
  for (const [at, text] of texts.entries()) {
    expect(cells.get(text)).toBeUndefined();
    cells.add(text, at);
  }
  expect(texts.map((text) => cells.get(text))).toEqual([0, 1, 2, 3, 4, 5]);
});
