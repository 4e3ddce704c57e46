import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Arena } from "./arena.ts";
import { compareBytes } from "./key.ts";
import { Merge } from "./merge.ts";
import { orderOf } from "./order.ts";
import { beginRun, endRun, pushPair, RunCursor, runsIn } from "./run.ts";

const bytes = fc.uint8Array({ maxLength: 9, max: 3 });
const long = fc.uint8Array({ minLength: 120, maxLength: 300 });
type Pair = readonly [Uint8Array, Uint8Array];
const pairs = fc.array(fc.tuple(bytes, fc.oneof(bytes, long)), { maxLength: 20 });

const hex = (part: Uint8Array) => Buffer.from(part).toString("hex");
const shown = (list: readonly Pair[]) => list.map(([key, value]) => [hex(key), hex(value)]);
const sorted = (list: readonly Pair[]) => [...list].sort(([a], [b]) => Buffer.compare(a, b));

function runOf(list: readonly Pair[]): Uint8Array {
  const arena = new Arena(1);
  for (const [key, value] of list) pushPair(arena, key, value);
  return arena.take();
}

async function* inPieces(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

async function all(source: RunCursor | Merge): Promise<Pair[]> {
  const found: Pair[] = [];
  while (await source.next()) found.push([source.key, source.value]);
  return found;
}

describe("orders", () => {
  it("are those of the bytes, equal ones as they came", () => {
    const key = fc.oneof(bytes, fc.uint8Array({ maxLength: 7 }));
    fc.assert(
      fc.property(fc.array(key, { maxLength: 50 }), fc.boolean(), (list, tagged) => {
        const keys = tagged ? list.map((it) => Uint8Array.of(6, ...it)) : list;
        const arena = new Arena(1);
        const starts: number[] = [];
        const ends: number[] = [];
        for (const it of keys) {
          starts.push(arena.length);
          arena.push(it);
          ends.push(arena.length);
        }
        const order = orderOf({ bytes: arena.bytes, starts, ends, count: keys.length });
        const expected = keys.map((_, at) => at).sort((a, b) => compareBytes(keys[a]!, keys[b]!) || a - b);
        expect([...order]).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe("runs", () => {
  it("give back their pairs however they come in pieces", async () => {
    await fc.assert(
      fc.asyncProperty(pairs, fc.integer({ min: 1, max: 400 }), async (list, size) => {
        const run = runOf(list);
        expect(shown(await all(new RunCursor(run)))).toEqual(shown(list));
        expect(shown(await all(new RunCursor(inPieces(run, size))))).toEqual(shown(list));
      }),
    );
  });

  it("stand one behind the other in a file", () => {
    fc.assert(
      fc.property(fc.array(pairs, { maxLength: 4 }), (lists) => {
        const arena = new Arena(1);
        for (const list of lists) {
          const start = beginRun(arena);
          for (const [key, value] of list) pushPair(arena, key, value);
          endRun(arena, start);
        }
        expect(runsIn(arena.take()).map(hex)).toEqual(lists.map(runOf).map(hex));
      }),
    );
  });

  it("that are cut are refused", async () => {
    const run = runOf([[Uint8Array.of(1, 2), Uint8Array.of(3, 4)]]);
    for (let length = 1; length < run.length; length++) {
      for (const source of [run.subarray(0, length), inPieces(run.subarray(0, length), 2)]) {
        await expect(all(new RunCursor(source))).rejects.toMatchObject({ code: "PROTOCOL" });
      }
    }
    const endless = new Uint8Array(20).fill(0xff);
    await expect(all(new RunCursor(endless))).rejects.toMatchObject({ code: "PROTOCOL" });
    await expect(
      all(new RunCursor(inPieces(runOf([[run, new Uint8Array(99)]]), 10), 50)),
    ).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
    const file = Uint8Array.of(9, 0, 0, 0, 1);
    for (const bad of [file, file.subarray(0, 3)]) {
      expect(() => runsIn(bad)).toThrowError(expect.objectContaining({ code: "PROTOCOL" }));
    }
  });
});

describe("merges", () => {
  it("are the pairs of all runs in order, those of one key in the order of the runs", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(pairs, { maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        async (lists, size) => {
          const cursors = lists
            .map(sorted)
            .map((list, at) => new RunCursor(at % 2 === 0 ? runOf(list) : inPieces(runOf(list), size)));
          expect(shown(await all(new Merge(cursors)))).toEqual(shown(sorted(lists.flatMap(sorted))));
        },
      ),
    );
  });
});
