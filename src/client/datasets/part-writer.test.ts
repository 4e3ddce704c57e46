import fc from "fast-check";
import { expect, test } from "vitest";
import { PartWriter } from "./part-writer.ts";

const MIB = 1_048_576;

/** A file that takes so many bytes at once, and breaks behind so many. */
class FakeFile {
  readonly bytes: Buffer;
  readonly writes: number[] = [];
  readonly #atOnce: number;
  readonly #bytesMax: number;
  #isBusy = false;

  constructor(
    length: number,
    { atOnce = Number.POSITIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY } = {},
  ) {
    this.bytes = Buffer.alloc(length);
    this.#atOnce = atOnce;
    this.#bytesMax = bytesMax;
  }

  async writev<T extends readonly NodeJS.ArrayBufferView[]>(parts: T, position?: number) {
    expect(this.#isBusy).toBe(false);
    this.#isBusy = true;
    await new Promise(setImmediate);
    this.#isBusy = false;
    const all = Buffer.concat(parts as readonly unknown[] as Uint8Array[]);
    if (position! + all.length > this.#bytesMax) throw new Error("no space");
    const taken = all.subarray(0, this.#atOnce);
    taken.copy(this.bytes, position);
    this.writes.push(taken.length);
    return { bytesWritten: taken.length, buffers: parts };
  }
}

test("all is written where it belongs, and told of when it is, however much a write takes", async () => {
  const anyParts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(
      anyParts,
      fc.nat(9),
      fc.integer({ min: 1, max: 99 }),
      fc.nat(60),
      async (lengths, at, atOnce, stepMs) => {
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const content = Buffer.from(Array.from({ length: total }, (_, index) => index % 251));
        const file = new FakeFile(at + total, { atOnce });
        let written = 0;
        let nowMs = 0;
        const writer = new PartWriter(file, {
          at,
          nowMs: () => nowMs,
          onWritten: (part) => {
            expect(Buffer.compare(part, content.subarray(written, written + part.length))).toBe(0);
            written += part.length;
            expect(Buffer.compare(file.bytes.subarray(at, at + written), content.subarray(0, written))).toBe(
              0,
            );
          },
        });
        let from = 0;
        for (const length of lengths) {
          await writer.write(content.subarray(from, from + length));
          from += length;
          nowMs += stepMs;
        }
        await writer.end();
        expect(written).toBe(total);
      },
    ),
  );
});

test("parts that come at once are written together, those that come slowly as they come", async () => {
  const part = new Uint8Array(MIB / 4);
  for (const [stepMs, writes] of [
    [0, [2 * MIB, 2 * MIB, MIB / 2]],
    [60, [...Array.from({ length: 6 }, () => (3 * MIB) / 4)]],
  ] as const) {
    const file = new FakeFile(18 * part.length);
    let nowMs = 0;
    const writer = new PartWriter(file, { at: 0, nowMs: () => nowMs, onWritten: () => {} });
    for (let count = 0; count < 18; count++) {
      await writer.write(part);
      nowMs += stepMs;
    }
    await writer.end();
    expect(file.writes).toEqual(writes);
  }
});

test("what cannot be written fails the next part, or the end; nothing is written behind it", async () => {
  const part = new Uint8Array(2 * MIB);
  const file = new FakeFile(9 * part.length, { bytesMax: 3 * MIB });
  const told: number[] = [];
  const writer = new PartWriter(file, { at: 0, onWritten: ({ length }) => told.push(length) });
  await writer.write(part);
  await writer.write(part);
  await expect(writer.write(part)).rejects.toThrow("no space");
  await expect(writer.end()).rejects.toThrow("no space");
  expect(told).toEqual([part.length]);
  expect(file.writes).toEqual([part.length]);
});
