import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EmbeddedBlobs } from "../blobs.ts";
import { FakeDisk, type Operation } from "../disk.fake.ts";
import { recordBytes } from "./pack-record.ts";
import {
  blobsOn,
  block,
  blocks,
  contentOf,
  directory,
  expectAll,
  first,
  limits,
  outcomeOf,
  packs,
} from "./packed-blobs.fake.ts";

const packNames = async (disk: FakeDisk): Promise<readonly string[]> =>
  (await disk.list(packs)).filter((name) => name.endsWith(".pack")).sort();

describe("storing", () => {
  test("packBytesTarget: goes on in the next pack when one is full", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk);
    const all = blocks(40);
    expect(await blobs.putBatch(all)).toBe(40);
    await expectAll(blobs, all);
    await blobs.idle();
    const names = await packNames(disk);
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) expect(disk.content(join(packs, name)).length).toBeLessThanOrEqual(2_000);
    await expectAll(await blobsOn(disk.afterPowerCut()), all);
  });

  test("packedBlobBytesMax: a larger blob is a file of its own", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk);
    const large = await blobs.put(new Uint8Array(501));
    await blobs.idle();
    expect(await packNames(disk)).toEqual([]);
    await blobs.put(new Uint8Array(500));
    await blobs.idle();
    expect(await packNames(disk)).toHaveLength(1);
    expect(await blobs.stat(large.cid)).toEqual({ cid: large.cid, bytes: 501 });
  });

  test("at once, of the same bytes one copy is kept", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk);
    const { cid, bytes } = block("hello");
    await Promise.all(Array.from({ length: 20 }, () => blobs.put(bytes)));
    expect(disk.content(first).length).toBe(64 + recordBytes(bytes.length));
    expect(await contentOf(blobs, cid)).toBe("hello");
  });

  test("is acknowledged only when it is there, wherever the disk refuses or the power goes", async () => {
    for (const strict of [true, false]) {
      for (const code of ["ENOSPC", "EIO"]) {
        for (let failing = 0, over = false; !over; failing++) {
          const disk = new FakeDisk();
          const blobs = await blobsOn(disk, strict);
          let count = 0;
          disk.fault = () => (count++ === failing ? { code } : undefined);
          const all = blocks(20);
          const outcome = await outcomeOf(blobs.putBatch(all));
          await blobs.idle();
          over = count <= failing;
          disk.fault = () => undefined;
          if (over) expect(outcome).toBe("ok");
          for (const left of [disk.afterKill(), ...(strict ? [disk.afterPowerCut()] : [])]) {
            const after = await blobsOn(left, strict);
            if (outcome === "ok") await expectAll(after, all);
            else expect(outcome).toBe("STORAGE");
            await after.putBatch(all);
            await expectAll(after, all);
          }
          // Nothing is there that is not what it should be, and the next try succeeds.
          for (const { cid } of all)
            if ((await blobs.stat(cid)) !== undefined) expect(await blobs.isIntact(cid)).toBe(true);
          await blobs.putBatch(all);
          await expectAll(blobs, all);
          await expectAll(await blobsOn(disk.afterKill(), strict), all);
        }
      }
    }
  });

  test("says STORAGE, and since when, until it succeeds again", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk, false);
    disk.freeBytes = 300;
    await expect(blobs.put(new Uint8Array(400))).rejects.toMatchObject({ code: "STORAGE" });
    expect(blobs.fault.sinceMs).toBe(5000);
    await expect(blobs.putBatch(blocks(10))).rejects.toMatchObject({ code: "STORAGE" });
    disk.freeBytes = Number.POSITIVE_INFINITY;
    await blobs.put(new Uint8Array(400));
    expect(blobs.fault.text).toBeNull();
  });

  test("what could not be synced is not there, for nobody", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk);
    const [before, during, after] = [block("before"), block("during"), block("after")];
    await blobs.put(before.bytes);
    disk.fault = (operation) => (operation === "sync" ? { code: "EIO" } : undefined);
    await expect(blobs.put(during.bytes)).rejects.toMatchObject({ code: "STORAGE" });
    expect(await blobs.touch(during.cid)).toBeUndefined();
    disk.fault = () => undefined;
    await blobs.put(after.bytes);
    expect(await packNames(disk)).toHaveLength(2);
    await blobs.put(during.bytes);
    await expectAll(blobs, [before, during, after]);
    await expectAll(await blobsOn(disk.afterPowerCut()), [before, during, after]);
  });
});

describe("starting", () => {
  test("cuts a torn end off, wherever the write was cut", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk, false);
    const [one, two] = [block("one"), block("two")];
    await blobs.put(one.bytes);
    const whole = disk.content(first).length;
    await blobs.put(two.bytes);
    for (let cut = disk.content(first).length - 1; cut >= whole; cut--) {
      const left = disk.afterKill();
      left.setContent(first, left.content(first).slice(0, cut));
      const after = await blobsOn(left, false);
      await expectAll(after, [one]);
      const isWhole = (await after.stat(two.cid)) !== undefined;
      expect(isWhole).toBe(cut >= whole + 64 + two.bytes.length);
      await after.putBatch([two, ...blocks(5)]);
      await expectAll(await blobsOn(left.afterKill(), false), [one, two, ...blocks(5)]);
    }
  });

  test("needs no index that is whole, and believes none that is not", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk);
    const all = blocks(30);
    await blobs.putBatch(all);
    await blobs.close();
    const indexes = (await disk.list(packs)).filter((name) => name.endsWith(".index"));
    expect(indexes).toHaveLength((await packNames(disk)).length);
    for (const name of indexes) {
      for (const damage of ["removed", "flipped", "short"] as const) {
        const left = disk.afterKill();
        const path = join(packs, name);
        const bytes = left.content(path).slice();
        bytes[bytes.length >> 1]! ^= 4;
        if (damage === "removed") await left.remove(path);
        else left.setContent(path, damage === "short" ? bytes.subarray(0, 40) : bytes);
        await expectAll(await blobsOn(left), all);
      }
    }
  });

  test("knows when each was used, or says now where the last run ended without a word", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk, false, () => 1000);
    await blobs.putBatch(blocks(20));
    await blobs.close();
    const usedIn = async (left: FakeDisk): Promise<number[]> => {
      const times = new Set<number>();
      for await (const { usedAtMs } of (await blobsOn(left, false, () => 9000)).list()) times.add(usedAtMs);
      return [...times];
    };
    expect(await usedIn(disk.afterKill())).toEqual([1000]);
    const again = await blobsOn(disk, false, () => 2000);
    await again.touch(blocks(1)[0]!.cid);
    expect(await usedIn(disk.afterKill())).toEqual([9000]);
    await again.close();
    expect((await usedIn(disk.afterKill())).sort()).toEqual([1000, 2000]);
  });

  test("finds what stands behind a damaged record, and knows which that was", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk, false);
    const all = blocks(5);
    for (const { bytes } of all) await blobs.put(bytes);
    const left = disk.afterKill();
    const bytes = left.content(first).slice();
    bytes[Buffer.from(bytes).indexOf("block 2")]! ^= 1;
    left.setContent(first, bytes);
    const after = await blobsOn(left, false);
    await expectAll(
      after,
      [0, 1, 3, 4].map((index) => all[index]!),
    );
    await expect(contentOf(after, all[2]!.cid)).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
    expect(after.damage.text).toContain(all[2]!.cid);
    await after.put(all[2]!.bytes);
    expect(after.damage.text).toBeNull();
    await expectAll(await blobsOn(left.afterKill(), false), all);
  });

  test("blobs that an older version stored as files are there as ever, and are not stored twice", async () => {
    const disk = new FakeDisk();
    const old = await EmbeddedBlobs.open({
      files: disk,
      directory,
      limits: { ...limits, packedBlobBytesMax: 0 },
      strict: true,
      nowMs: () => 1000,
    });
    const all = blocks(5);
    await old.putBatch(all);
    const blobs = await blobsOn(disk.afterPowerCut());
    await expectAll(blobs, all);
    await blobs.putBatch(all);
    for (const { bytes } of all) await blobs.put(bytes);
    const listed = [];
    for await (const { cid, usedAtMs } of blobs.list()) listed.push([cid, usedAtMs]);
    expect(listed.sort()).toEqual(all.map(({ cid }) => [cid, 5000]).sort());
    for (const { cid } of all) await blobs.delete(cid);
    expect(await blobs.stat(all[0]!.cid)).toBeUndefined();
  });
});

test("a flipped bit never passes for the blob, whether the store is open or not", async () => {
  const disk = new FakeDisk();
  const blobs = await blobsOn(disk);
  const { cid, bytes } = block("hello world");
  await blobs.put(bytes);
  const length = disk.content(first).length;
  for (let bit = 64 * 8; bit < length * 8; bit += 3) {
    const content = disk.content(first).slice();
    content[bit >> 3]! ^= 1 << (bit & 7);
    const left = disk.afterKill();
    const open = await blobsOn(left);
    left.setContent(first, content);
    const isPadding = bit >= (128 + bytes.length) * 8;
    expect(await open.isIntact(cid)).toBe(isPadding);
    const range = async () => {
      for await (const part of open.read(cid, { start: 2, end: 3 })) expect(part).toHaveLength(1);
    };
    if (isPadding) {
      await range();
      continue;
    }
    await expect(range()).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
    // Put aside, it is known to be damaged, and can be stored again.
    expect(await open.stat(cid)).toBeUndefined();
    await expect(contentOf(open, cid)).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
    expect(open.damage.text).toContain(cid);
    await open.put(bytes);
    expect(await contentOf(open, cid)).toBe("hello world");
    expect(open.damage.text).toBeNull();
    await open.close();
    expect(await contentOf(await blobsOn(left), cid)).toBe("hello world");
  }
});

test("a disk that cannot read says STORAGE, and puts nothing aside", async () => {
  const disk = new FakeDisk();
  const blobs = await blobsOn(disk);
  const { cid, bytes } = block("hello");
  await blobs.put(bytes);
  disk.readFault = () => "EIO";
  await expect(contentOf(blobs, cid)).rejects.toMatchObject({ code: "STORAGE" });
  disk.readFault = () => undefined;
  expect(await contentOf(blobs, cid)).toBe("hello");
});

describe("deleting", () => {
  test("gives space back: what is of use is copied, the pack removed", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk, false);
    const all = blocks(60);
    await blobs.putBatch(all);
    await blobs.idle();
    const before = await packNames(disk);
    const kept = all.filter((_, index) => index % 7 === 0);
    for (const each of all) if (!kept.includes(each)) await blobs.delete(each.cid);
    await blobs.idle();
    const after = await packNames(disk);
    expect(after.length).toBeLessThan(before.length / 2);
    expect(after.filter((name) => before.includes(name)).length).toBeLessThan(before.length / 2);
    await expectAll(blobs, kept);
    for (const each of all) if (!kept.includes(each)) expect(await blobs.stat(each.cid)).toBeUndefined();
    await blobs.close();
    const again = await blobsOn(disk, false);
    await expectAll(again, kept);
    for (const each of all) if (!kept.includes(each)) expect(await again.stat(each.cid)).toBeUndefined();
    for (const { cid } of kept) await again.delete(cid);
    await again.idle();
    expect(await packNames(disk)).toEqual([]);
  });

  test("loses nothing that is kept, wherever the process dies, the power goes or the disk refuses", async () => {
    const all = blocks(24);
    const kept = all.filter((_, index) => index % 5 === 0);
    const prepared = async (strict: boolean): Promise<[FakeDisk, EmbeddedBlobs]> => {
      const disk = new FakeDisk();
      const blobs = await blobsOn(disk, strict);
      await blobs.putBatch(all);
      await blobs.close();
      return [disk, await blobsOn(disk, strict)];
    };
    const compact = async (blobs: EmbeddedBlobs) => {
      for (const each of all) if (!kept.includes(each)) await blobs.delete(each.cid);
      await blobs.idle();
    };
    for (const strict of [true, false]) {
      const [disk, blobs] = await prepared(strict);
      const snapshots: FakeDisk[] = [];
      const operations: Operation[] = [];
      disk.fault = (operation) => {
        operations.push(operation);
        snapshots.push(
          disk.afterKill(),
          disk.afterPowerCut(),
          disk.afterPowerCut(
            () => true,
            (name) => name.endsWith(".index"),
          ),
        );
        return undefined;
      };
      await compact(blobs);
      disk.fault = () => undefined;
      expect(operations).toContain("remove");
      for (const left of snapshots) await expectAll(await blobsOn(left, strict), kept);

      for (let failing = 0; failing < operations.length; failing++) {
        const [refusing, open] = await prepared(strict);
        let count = 0;
        refusing.fault = () => (count++ >= failing ? { code: "ENOSPC" } : undefined);
        await compact(open);
        refusing.fault = () => undefined;
        await expectAll(open, kept);
        for (const left of [refusing.afterKill(), refusing.afterPowerCut()])
          await expectAll(await blobsOn(left, strict), kept);
      }
    }
  });

  test("goes on while others store", async () => {
    for (const strict of [true, false]) {
      const disk = new FakeDisk();
      const blobs = await blobsOn(disk, strict);
      const batches = Array.from({ length: 30 }, (_, index) => blocks(10, `batch ${index}`));
      for (const [index, batch] of batches.entries()) {
        await blobs.putBatch(batch);
        for (const { cid } of batches[index - 3]?.slice(1) ?? []) await blobs.delete(cid);
        await new Promise(setImmediate);
      }
      await blobs.idle();
      expect((await packNames(disk)).length).toBeLessThan(25);
      const kept = batches.flatMap((batch, index) => (index < 27 ? batch.slice(0, 1) : batch));
      await expectAll(blobs, kept);
      for (const left of [disk.afterKill(), disk]) await expectAll(await blobsOn(left, strict), kept);
    }
  });

  test("what is read or stored again meanwhile comes whole", async () => {
    const disk = new FakeDisk();
    const blobs = await blobsOn(disk);
    const all = blocks(30);
    await blobs.putBatch(all);
    const gone = all.filter((_, index) => index % 3 !== 0);
    const kept = all.filter((_, index) => index % 3 === 0);
    for (const { cid } of gone) await blobs.delete(cid);
    await Promise.all([
      expectAll(blobs, kept),
      blobs.putBatch(gone.slice(0, 5)),
      blobs.idle(),
      expectAll(blobs, kept),
    ]);
    await expectAll(blobs, [...kept, ...gone.slice(0, 5)]);
    await expectAll(await blobsOn(disk.afterPowerCut()), [...kept, ...gone.slice(0, 5)]);
  });
});

test("whatever is done, and however it ends, the store holds what it said", async () => {
  const all = blocks(12);
  const step = fc.record({
    do: fc.constantFrom("put", "batch", "delete", "idle", "close", "kill", "refuse"),
    at: fc.nat({ max: all.length - 1 }),
    count: fc.integer({ min: 1, max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), fc.boolean(), async (steps, strict) => {
      let disk = new FakeDisk();
      let blobs = await blobsOn(disk, strict);
      const held = new Set<string>();
      for (const { do: what, at, count } of steps) {
        const some = all.slice(at, at + count);
        if (what === "put") {
          await blobs.put(some[0]!.bytes);
          held.add(some[0]!.cid);
        } else if (what === "batch") {
          await blobs.putBatch(some);
          for (const { cid } of some) held.add(cid);
        } else if (what === "refuse") {
          let left = count;
          disk.fault = () => (left-- === 0 ? { code: "EIO" } : undefined);
          if ((await outcomeOf(blobs.putBatch(some))) === "ok") for (const { cid } of some) held.add(cid);
          await blobs.idle();
          disk.fault = () => undefined;
        } else if (what === "delete") {
          await blobs.delete(some[0]!.cid);
          held.delete(some[0]!.cid);
          expect(await blobs.stat(some[0]!.cid)).toBeUndefined();
        } else if (what === "idle") {
          await blobs.idle();
        } else {
          if (what === "close") await blobs.close();
          else disk = strict ? disk.afterPowerCut() : disk.afterKill();
          blobs = await blobsOn(disk, strict);
        }
      }
      await expectAll(
        blobs,
        all.filter(({ cid }) => held.has(cid)),
      );
      for (const { cid } of all)
        if ((await blobs.stat(cid)) !== undefined) expect(await blobs.isIntact(cid)).toBe(true);
    }),
    { numRuns: 150 },
  );
}, 60_000);
