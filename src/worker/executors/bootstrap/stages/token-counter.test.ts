import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenCounter } from "./token-counter.ts";

const plenty = 1 << 30;
const never = () => {
  throw new Error("nothing was full");
};

type Counts = Map<string, number>;

const add = (counts: Counts, piece: string, n = 1) => counts.set(piece, (counts.get(piece) ?? 0) + n);

/** Adds what is counted to others. */
function emptied(counter: TokenCounter, counts: Counts = new Map()): Counts {
  counter.emitAll((key, value) => add(counts, key as string, value as number));
  return counts;
}

function expected(texts: readonly string[], separators: string): Counts {
  const counts: Counts = new Map();
  for (const text of texts) {
    let piece = "";
    for (const char of [...text, separators[0]!]) {
      if (!separators.includes(char)) piece += char;
      else {
        if (piece !== "") add(counts, piece);
        piece = "";
      }
    }
  }
  return counts;
}

/** The text's bytes somewhere in a larger buffer, among others that look like its own. */
function placed(text: string, offset: number): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const buffer = new Uint8Array(offset + bytes.length + 5).fill(97);
  buffer.set(bytes, offset);
  return buffer.subarray(offset, offset + bytes.length);
}

describe("the counter of pieces", () => {
  const chars = fc.constantFrom(..."aaaab \t\r\n,;\0!\u001f\u0020\u0021\u007fé水🐎");
  const texts = fc.array(fc.string({ unit: chars, maxLength: 60 }), { maxLength: 8 });

  it("counts what stands between separators, wherever they and the bytes stand", () => {
    const separators = fc.constantFrom(" \r\n", " ", "\n", ",", ", \n", "\0", "a", "\t;");
    fc.assert(
      fc.property(texts, separators, fc.nat(7), (lines, between, offset) => {
        const counter = new TokenCounter(plenty, never);
        for (const line of lines) counter.addTokens(placed(line, offset), between);
        expect(emptied(counter)).toEqual(expected(lines, between));
      }),
      { numRuns: 500 },
    );
  });

  it("knows a piece again, however it was added", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
        fc.nat(7),
        (piece, offset) => {
          fc.pre(!/[ ,\n]/.test(piece));
          const counter = new TokenCounter(plenty, never);
          counter.add(placed(piece, offset), 0, undefined, 40);
          counter.addTokens(placed(`${piece} ${piece}`, offset), " ");
          counter.addTokens(placed(`,${piece},`, offset), ",");
          expect(counter.size).toBe(1);
          expect(emptied(counter)).toEqual(new Map([[piece, 43]]));
        },
      ),
    );
  });

  it("keeps apart what differs only behind whole words, in length or in bytes of no weight", () => {
    const pieces = [
      "abcd",
      "abcd\0",
      "abcd\0\0",
      "abcde",
      "abcdef",
      "abcdefgh",
      "abcdefg\0",
      "\0",
      "\0\0",
      "a",
    ];
    const counter = new TokenCounter(plenty, never);
    for (const [at, piece] of pieces.entries()) counter.add(placed(piece, at), 0, undefined, at + 1);
    expect(counter.size).toBe(pieces.length);
    expect(emptied(counter)).toEqual(new Map(pieces.map((piece, at) => [piece, at + 1])));
  });

  it("grows, and is emptied in between when it is full", () => {
    const words = Array.from({ length: 20_000 }, (_, at) => `w${(at * 7919) % 10_000}`);
    const counts: Counts = new Map();
    let times = 0;
    for (const bytesMax of [plenty, 200_000]) {
      const counter: TokenCounter = new TokenCounter(bytesMax, () => {
        times++;
        emptied(counter, counts);
      });
      counter.addTokens(placed(words.join(" "), 3));
      emptied(counter, counts);
    }
    expect(times).toBeGreaterThan(3);
    expect(counts.size).toBe(10_000);
    expect(new Set(counts.values())).toEqual(new Set([4]));
  });

  it("refuses separators that are no single bytes, and none", () => {
    const counter = new TokenCounter(plenty, never);
    for (const separators of ["", "é", " é"]) {
      expect(() => counter.addTokens(placed("a b", 0), separators)).toThrowError(
        expect.objectContaining({ code: "BAD_ARGUMENT" }) as Error,
      );
    }
  });
});
