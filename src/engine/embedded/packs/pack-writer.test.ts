import { describe, expect, test } from "vitest";
import { engineLimits } from "../../options.ts";
import { EmbeddedBlobs } from "../blobs.ts";
import { FakeDisk } from "../disk.fake.ts";
import type { Files, LogFile } from "../files.ts";
import {
  blobsOn,
  block,
  blocks,
  contentOf,
  directory,
  expectAll,
  first,
  outcomeOf,
} from "./packed-blobs.fake.ts";

/** A large block, of a length of its own. */
const large = (number: number) => block(`${number} `.repeat(300_000 + number));

const openLarge = (files: Files) =>
  EmbeddedBlobs.open({ files, directory, limits: engineLimits({}), strict: false, nowMs: () => 0 });

/** A disk whose writes past the cache go another way. */
function directDisk(
  write: (disk: FakeDisk, ...args: Parameters<LogFile["write"]>) => Promise<number>,
): FakeDisk {
  const disk = new FakeDisk();
  return Object.assign(disk, {
    openDirect: (): LogFile => ({
      write: (pieces, offset) => write(disk, pieces, offset),
      read: async () => 0,
      truncate: async () => {},
      sync: async () => {},
      size: async () => 0,
      close: async () => {},
    }),
  });
}

const writeToFirst = async (disk: FakeDisk, ...args: Parameters<LogFile["write"]>): Promise<number> =>
  (await disk.open(first, "write")).write(...args);

test("past the system's cache whole pages are written, of memory that begins at one; all is there as otherwise", async () => {
  const direct: number[] = [];
  let refusal: string | undefined;
  const disk = directDisk(async (on, pieces, offset) => {
    if (refusal !== undefined) throw Object.assign(new Error(refusal), { code: refusal });
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    direct.push(bytes);
    const atPages = pieces.every(({ byteOffset }) => byteOffset === 0);
    expect([offset % 4096, bytes % 4096, atPages]).toEqual([0, 0, true]);
    return writeToFirst(on, pieces, offset);
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

describe("long writes past the system's cache", () => {
  interface Held {
    readonly offset: number;
    readonly end: (code?: string) => Promise<void>;
  }

  /** A disk that keeps such writes back until they are ended by the test, in any order. */
  function holdingDisk() {
    const held: Held[] = [];
    let onHeld = () => {};
    const disk = directDisk(
      (on, pieces, offset) =>
        new Promise((resolve, reject) => {
          const end = async (code?: string) => {
            held.splice(
              held.findIndex((each) => each.offset === offset),
              1,
            );
            if (code !== undefined) reject(Object.assign(new Error(code), { code }));
            else resolve(await writeToFirst(on, pieces, offset));
          };
          held.push({ offset, end });
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
  async function twoUnderWay() {
    const { disk, held, until } = holdingDisk();
    const blobs = await openLarge(disk);
    await blobs.put(large(0).bytes);
    const all = Array.from({ length: 6 }, (_, index) => large(index + 1));
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

  test("overlap, and count in order", async () => {
    const { disk, blobs, held, all, outcomes } = await twoUnderWay();
    expect(held).toHaveLength(2);
    await held[1]!.end();
    await new Promise(setImmediate);
    // What is behind a write that is not over does not count yet.
    for (const { cid } of all) expect(await blobs.stat(cid)).toBeUndefined();
    await expectAll(await openLarge(disk.afterKill()), [large(0)]);
    expect(new Set(await endAll(held, outcomes))).toEqual(new Set(["ok"]));
    await expectAll(blobs, all);
    await expectAll(await openLarge(disk.afterKill()), all);
  });

  test.each([0, 1])("fail with what they are behind, where number %i is refused", async (which) => {
    const { disk, blobs, held, all, outcomes } = await twoUnderWay();
    const other = held[1 - which]!;
    await held[which]!.end("ENOSPC");
    await new Promise(setImmediate);
    await other.end();
    const ended = await endAll(held, outcomes);
    expect(ended.filter((outcome) => outcome === "STORAGE").length).toBeGreaterThan(0);
    for (const [index, outcome] of ended.entries())
      if (outcome === "ok") await expectAll(blobs, [all[index]!]);
    const again = [outcomeOf(blobs.putBatch(all))];
    expect(await endAll(held, again)).toEqual(["ok"]);
    await expectAll(blobs, all);
    const after = await openLarge(disk.afterKill());
    await expectAll(after, all);
    expect(after.damage.text).toBeNull();
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
