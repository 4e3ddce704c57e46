import { describe, expect, test } from "vitest";
import { ChunkPool, isWholePages, PAGE_BYTES } from "../../../data/index.ts";
import { type EngineLimits, engineLimits } from "../../options.ts";
import { EmbeddedBlobs } from "../blobs.ts";
import { FakeDisk } from "../disk.fake.ts";
import type { Files } from "../files.ts";
import {
  blobsOn,
  block,
  blocks,
  contentOf,
  directDisk,
  directory,
  expectAll,
  expectYoungestOpen,
  outcomeOf,
} from "./packed-blobs.fake.ts";

/** A large block, of a length of its own. */
const large = (number: number) => block(`${number} `.repeat(300_000 + number));

/** With a clock that stands, so that every disk is fast. */
const openLarge = (files: Files, strict = false, limits: Partial<EngineLimits> = {}) =>
  EmbeddedBlobs.open({
    files,
    directory,
    limits: engineLimits({ limits }),
    strict,
    nowMs: () => 0,
    clockMs: () => 0,
  });

/** Fails for what no disk takes past the cache; gives the bytes. */
function checkPages(pieces: readonly Uint8Array[], offset: number): number {
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  expect([offset % PAGE_BYTES, pieces.every(isWholePages)]).toEqual([0, true]);
  return bytes;
}

test("past the system's cache whole pages are written, of memory that begins at one; all is there as otherwise", async () => {
  const direct: number[] = [];
  let refusal: string | undefined;
  const disk = directDisk(async (write, pieces, offset) => {
    if (refusal !== undefined) throw Object.assign(new Error(refusal), { code: refusal });
    direct.push(checkPages(pieces, offset));
    return write(pieces, offset);
  });
  const blobs = await openLarge(disk);
  const all = [...Array.from({ length: 12 }, (_, index) => large(index)), ...blocks(5)];
  await blobs.putBatch(all.slice(0, 8));
  expect(direct.length).toBeGreaterThan(0);
  await blobs.put(blocks(1)[0]!.bytes);
  refusal = "EINVAL";
  await blobs.putBatch(all);
  await expectAll(blobs, all);
  await expectAll(await openLarge(disk.afterKill()), all);
});

test("blocks that stay in whole pages are written from where they are, and released once they are written", async () => {
  const pool = new ChunkPool(786_432, { atPages: true });
  const written = new Set<ArrayBufferLike>();
  const disk = directDisk(async (write, pieces, offset) => {
    checkPages(pieces, offset);
    for (const { buffer } of pieces) written.add(buffer);
    await new Promise(setImmediate);
    return write(pieces, offset);
  });
  const blobs = await openLarge(disk);
  const larges = Array.from({ length: 24 }, (_, number) =>
    block(String.fromCharCode(number).repeat(786_432)),
  );
  const smalls = blocks(24);
  const all = [...larges, ...smalls];
  const used = new Set<ArrayBufferLike>();
  let released = 0;
  function* steady() {
    for (const [number, { cid }] of larges.entries()) {
      const bytes = pool.take().fill(number);
      used.add(bytes.buffer);
      const release = () => {
        released++;
        pool.give(bytes.fill(255));
      };
      yield { cid, bytes, isVerified: true, release };
      yield smalls[number]!;
    }
  }
  expect(await blobs.putBatch(steady())).toBe(48);
  expect(released).toBe(24);
  expect([...used].filter((memory) => written.has(memory)).length).toBeGreaterThan(0);
  // As much as is written and filled at once, however much there was.
  expect(pool.allocatedBytes).toBeLessThan(10 * 1_048_576);
  await expectAll(blobs, all);
  await expectAll(await openLarge(disk.afterKill()), all);
  await blobs.close();
  await expectAll(await openLarge(disk), all);
});

describe("long writes past the system's cache", () => {
  interface Held {
    readonly pieces: readonly Uint8Array[];
    readonly end: (code?: string) => Promise<void>;
  }

  /** A disk that keeps such writes back until they are ended by the test, in any order. */
  function holdingDisk() {
    const held: Held[] = [];
    let onHeld = () => {};
    const disk = directDisk(
      (write, pieces, offset) =>
        new Promise((resolve, reject) => {
          const one: Held = {
            pieces,
            end: async (code) => {
              held.splice(held.indexOf(one), 1);
              if (code !== undefined) reject(Object.assign(new Error(code), { code }));
              else resolve(await write(pieces, offset));
            },
          };
          held.push(one);
          onHeld();
        }),
    );
    const until = async (count: number) => {
      while (held.length < count) {
        await new Promise<void>((resolve) => {
          onHeld = resolve;
        });
      }
    };
    return { disk, held, until };
  }

  /** Both ways are known, and the one past the cache is the better one; two writes of it are under way. */
  async function twoUnderWay(limits: Partial<EngineLimits> = {}) {
    const { disk, held, until } = holdingDisk();
    const blobs = await openLarge(disk, false, limits);
    await blobs.put(large(0).bytes);
    const before = [outcomeOf(blobs.put(large(1).bytes))];
    await until(1);
    await endAll(held, before);
    const all = Array.from({ length: 6 }, (_, index) => large(index + 2));
    const outcomes = all.map(({ bytes }) => outcomeOf(blobs.put(bytes)));
    await until(2);
    return { disk, blobs, held, until, all, outcomes };
  }

  /** Ends what is held until all that was put has an outcome. */
  async function endAll(held: Held[], outcomes: readonly Promise<string>[]): Promise<readonly string[]> {
    let isOver = false;
    const over = Promise.all(outcomes).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await held[0]?.end();
      await new Promise(setImmediate);
    }
    return over;
  }

  test("go to two packs at once, and count when they end", async () => {
    const { disk, blobs, held, all, outcomes } = await twoUnderWay();
    expect(held).toHaveLength(2);
    await held[1]!.end();
    await new Promise(setImmediate);
    const known = await Promise.all(all.map(({ cid }) => blobs.stat(cid)));
    const there = all.filter((_, at) => known[at] !== undefined);
    expect(there.length).toBeGreaterThan(0);
    expect(there.length).toBeLessThan(all.length);
    // What is under way beside it takes nothing away.
    const killed = await openLarge(disk.afterKill());
    await expectAll(killed, [large(0), large(1), ...there]);
    expect(killed.damage.text).toBeNull();
    expect(new Set(await endAll(held, outcomes))).toEqual(new Set(["ok"]));
    await expectAll(blobs, all);
    await expectAll(await openLarge(disk.afterKill()), all);
  });

  test.each([0, 1])("fail by themselves, where number %i is refused", async (which) => {
    const { disk, blobs, held, all, outcomes } = await twoUnderWay();
    await held[which]!.end("ENOSPC");
    const ended = await endAll(held, outcomes);
    expect(new Set(ended)).toEqual(new Set(["ok", "STORAGE"]));
    for (const [index, outcome] of ended.entries())
      if (outcome === "ok") await expectAll(blobs, [all[index]!]);
    const again = [outcomeOf(blobs.putBatch(all))];
    expect(await endAll(held, again)).toEqual(["ok"]);
    await expectAll(blobs, all);
    const after = await openLarge(disk.afterKill());
    await expectAll(after, all);
    expect(after.damage.text).toBeNull();
  });

  test("end before their packs do, such as to be compacted", async () => {
    const { disk, blobs, held, all, outcomes } = await twoUnderWay();
    for (const { cid } of [large(0), large(1)]) await blobs.delete(cid);
    await new Promise(setImmediate);
    expect(new Set(await endAll(held, outcomes))).toEqual(new Set(["ok"]));
    await endAll(held, [outcomeOf(blobs.idle())]);
    await expectAll(blobs, all);
    await expectAll(await openLarge(disk.afterKill()), all);
  });

  test("end both packs when one is full, also where it is filled alone", async () => {
    const { disk, blobs, held, all, outcomes } = await twoUnderWay({ packBytesTarget: 6_000_000 });
    await endAll(held, outcomes);
    const more = Array.from({ length: 12 }, (_, index) => large(index + 10));
    for (const { bytes } of more) expect(await endAll(held, [outcomeOf(blobs.put(bytes))])).toEqual(["ok"]);
    await blobs.idle();
    expect(disk.log.filter((done) => /^rename .*\.index$/.test(done)).length).toBeGreaterThan(2);
    await expectYoungestOpen(disk);
    await expectAll(blobs, [...all, ...more]);
  });

  test("go to one pack where each is synced before it counts", async () => {
    const { disk, held, until } = holdingDisk();
    const blobs = await openLarge(disk, true);
    await blobs.put(large(0).bytes);
    const outcomes = [large(1), large(2), large(3)].map(({ bytes }) => outcomeOf(blobs.put(bytes)));
    await until(1);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(held).toHaveLength(1);
    expect(await endAll(held, outcomes)).toEqual(["ok", "ok", "ok"]);
  });
});

test("a block that only its giver verified is checked by its name when it is read", async () => {
  const disk = new FakeDisk();
  const blobs = await blobsOn(disk);
  const [wrong, right] = [block("wrong"), block("right")];
  await blobs.putBatch([
    { cid: wrong.cid, bytes: right.bytes, isVerified: true },
    { ...right, isVerified: true },
  ]);
  await expectAll(blobs, [right]);
  await expect(contentOf(blobs, wrong.cid)).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
});
