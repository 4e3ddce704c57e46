import fc from "fast-check";
import { expect, test } from "vitest";
import { cidOf } from "../../../data/index.ts";
import { BlobIndex, keyOf } from "./blob-index.ts";

const cids = Array.from({ length: 400 }, (_, index) =>
  cidOf(new TextEncoder().encode(String(index >> 1)), index % 2 === 0 ? "raw" : "dag-pb"),
);

test("finds what was added and not removed, whatever was removed before", () => {
  const step = fc.record({
    do: fc.constantFrom("add", "add", "remove", "move", "use"),
    cid: fc.constantFrom(...cids),
    number: fc.nat({ max: 0x7fff_ffff }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500, size: "max" }), (steps) => {
      const index = new BlobIndex();
      const model = new Map<string, { pack: number; offset: number; bytes: number; usedAtMs: number }>();
      for (const { do: what, cid, number } of steps) {
        const row = index.find(keyOf(cid));
        const known = model.get(cid);
        expect(row !== undefined).toBe(known !== undefined);
        if (row === undefined || known === undefined) {
          if (what !== "add") continue;
          const place = { pack: number, offset: number, bytes: number };
          index.add(keyOf(cid), place, number / 3);
          model.set(cid, { ...place, usedAtMs: number / 3 });
        } else if (what === "remove") {
          index.remove(row);
          model.delete(cid);
        } else if (what === "move") {
          index.move(row, { pack: number, offset: 64 });
          model.set(cid, { ...known, pack: number, offset: 64 });
        } else if (what === "use") {
          index.use(row, number);
          known.usedAtMs = number;
        }
      }
      expect(index.count).toBe(model.size);
      const rows = [...index.rows()];
      expect(
        new Map(rows.map((row) => [index.cid(row), { ...index.place(row), usedAtMs: index.usedAtMs(row) }])),
      ).toEqual(model);
    }),
    { numRuns: 50 },
  );
});

test("grows, and uses again the rows of what was removed", () => {
  const index = new BlobIndex();
  const many = Array.from({ length: 10_000 }, (_, number) =>
    keyOf(cidOf(new TextEncoder().encode(`${number}`))),
  );
  const rows = many.map((key, number) => index.add(key, { pack: 1, offset: number * 64, bytes: number }, 0));
  for (const row of rows.filter((_, number) => number % 3 === 0)) index.remove(row);
  const kept = many.filter((_, number) => number % 3 !== 0);
  expect(kept.every((key) => index.find(key) !== undefined)).toBe(true);
  for (let number = 0; number < many.length; number += 3) {
    const row = index.add(many[number]!, { pack: 2, offset: 0, bytes: 1 }, 0);
    expect(row).toBeLessThan(many.length);
  }
  expect(index.count).toBe(many.length);
  expect(many.map((key) => index.place(index.find(key)!).pack)).toEqual(
    many.map((_, number) => (number % 3 === 0 ? 2 : 1)),
  );
});
