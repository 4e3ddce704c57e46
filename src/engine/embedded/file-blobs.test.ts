import { join } from "node:path";
import { expect, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { engineLimits } from "../options.ts";
import { EmbeddedBlobs } from "./blobs.ts";
import { FakeDisk, type Operation } from "./disk.fake.ts";

const directory = "/data/blobs";
const hello = new TextEncoder().encode("hello world");
const cid = cidOf(hello);
const path = join(directory, cid.slice(-2), cid);

/** All are large: each is a file of its own. */
const limits = engineLimits({ limits: { packedBlobBytesMax: 0 } });
const blobsOn = (files: FakeDisk, strict = true) =>
  EmbeddedBlobs.open({ files, directory, limits, strict, nowMs: () => 5000 });

async function* streamOf(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function contentOf(blobs: EmbeddedBlobs, range?: { start: number; end: number }): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of blobs.read(cid, range)) parts.push(part);
  return Buffer.concat(parts);
}

const codeOf = (error: unknown): string => (error as { code: string }).code;
const outcomeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => "ok", codeOf);

test("a blob is whole or not there, wherever the disk refuses, the process dies or the power goes", async () => {
  for (const code of ["ENOSPC", "EIO", "EROFS"]) {
    const steps: Operation[] = [];
    for (let failing = 0; ; failing++) {
      const disk = new FakeDisk();
      const blobs = await blobsOn(disk);
      let count = 0;
      let failed: Operation | undefined;
      let killed: FakeDisk | undefined;
      disk.fault = (operation, at) => {
        const isPutting = operation === "open" ? at.includes("drafts") : !at.includes("damaged");
        if (!isPutting || count++ !== failing) return undefined;
        failed = operation;
        killed = disk.afterKill();
        return { code };
      };
      const outcome = await outcomeOf(blobs.put(streamOf(hello.subarray(0, 4), hello.subarray(4))));
      disk.fault = () => undefined;
      if (failed === undefined) {
        expect(outcome).toBe("ok");
        expect(Buffer.compare(await contentOf(await blobsOn(disk.afterPowerCut())), hello)).toBe(0);
        expect(blobs.fault.text).toBeNull();
        break;
      }
      steps.push(failed);
      expect([outcome, blobs.fault.sinceMs], failed).toEqual(["STORAGE", 5000]);
      for (const left of [disk, killed!, disk.afterPowerCut(), disk.afterPowerCut(() => true)]) {
        const after = await blobsOn(left);
        if ((await after.stat(cid)) !== undefined) {
          expect(Buffer.compare(await contentOf(after), hello), failed).toBe(0);
        }
        // The next try succeeds, and leaves nothing half done.
        await after.put(hello);
        expect(Buffer.compare(await contentOf(after), hello), failed).toBe(0);
        expect(await left.list(join(directory, "drafts"))).toEqual([]);
      }
    }
    expect(steps).toEqual([
      "open",
      "write",
      "write",
      "sync",
      "rename",
      "touch",
      "syncDirectory",
      "syncDirectory",
    ]);
  }
});

test("a blob of a default hub that a power cut took is noticed, and can be stored again", async () => {
  const disk = new FakeDisk();
  const blobs = await blobsOn(disk, false);
  await blobs.put(hello);
  // The name was written, the bytes were not: what file systems do that put names first.
  await disk.syncDirectory(join(path, ".."));
  const left = await blobsOn(disk.afterPowerCut(), false);
  expect(await left.stat(cid)).toEqual({ cid, bytes: 0 });
  await expect(contentOf(left)).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
  await left.put(streamOf(hello), { expect: cid });
  expect(Buffer.compare(await contentOf(left), hello)).toBe(0);
});

test("a flipped bit of a stored blob never passes for the blob, and what is stored anew does", async () => {
  const disk = new FakeDisk();
  const blobs = await blobsOn(disk);
  await blobs.put(hello);
  for (let bit = 0; bit < hello.length * 8; bit++) {
    const bytes = disk.content(path).slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    disk.setContent(path, bytes);
    expect(await blobs.isIntact(cid)).toBe(false);
    await expect(contentOf(blobs)).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
    // Put aside, it is known to be damaged, also after a restart.
    expect(await blobs.stat(cid)).toBeUndefined();
    await expect(contentOf(blobs)).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
    await expect(contentOf(await blobsOn(disk))).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
    await blobs.put(hello);
    expect(Buffer.compare(await contentOf(blobs), hello)).toBe(0);
  }
});

test("of a large damaged blob the last piece is never given out", async () => {
  const disk = new FakeDisk();
  const blobs = await blobsOn(disk);
  const large = new Uint8Array(1_000_000).fill(7);
  const { cid: name } = await blobs.put(large);
  const at = join(directory, name.slice(-2), name);
  const bytes = disk.content(at).slice();
  bytes[10] = 8;
  disk.setContent(at, bytes);
  let got = 0;
  const reading = (async () => {
    for await (const part of blobs.read(name)) got += part.length;
  })();
  await expect(reading).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
  expect(got).toBeGreaterThan(0);
  expect(got).toBeLessThan(large.length);
});

test("a stored blob of another length is found out by whoever stores it again", async () => {
  const disk = new FakeDisk();
  const blobs = await blobsOn(disk);
  const cut = async () => {
    await blobs.put(hello);
    disk.setContent(path, disk.content(path).slice(0, 5));
  };
  await cut();
  await blobs.put(hello);
  expect(Buffer.compare(await contentOf(blobs), hello)).toBe(0);
  await cut();
  await expect(blobs.put(streamOf(hello), { expect: cid })).rejects.toMatchObject({
    code: "BLOB_MISMATCH",
    retryable: true,
  });
  await blobs.put(streamOf(hello), { expect: cid });
  expect(Buffer.compare(await contentOf(blobs), hello)).toBe(0);
});

test("a disk that cannot read says STORAGE, and puts nothing aside", async () => {
  const disk = new FakeDisk();
  const blobs = await blobsOn(disk);
  await blobs.put(hello);
  disk.readFault = () => "EIO";
  await expect(contentOf(blobs)).rejects.toMatchObject({ code: "STORAGE" });
  disk.readFault = () => undefined;
  expect(Buffer.compare(await contentOf(blobs), hello)).toBe(0);
});

test("what cannot be deleted or put aside is said, and goes on to be refused", async () => {
  const disk = new FakeDisk();
  const blobs = await blobsOn(disk);
  await blobs.put(hello);
  disk.fault = (operation) =>
    operation === "remove" || operation === "rename" ? { code: "EROFS" } : undefined;
  await expect(blobs.delete(cid)).rejects.toMatchObject({ code: "STORAGE" });
  disk.setContent(path, new Uint8Array(hello.length));
  for (let again = 0; again < 2; again++) {
    await expect(contentOf(blobs)).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
  }
});
