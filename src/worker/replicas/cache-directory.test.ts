import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { openCache } from "./cache-directory.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "musketeers-cache-"));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

const key = (byte: number) => new Uint8Array(32).fill(byte);
const open = (hub: number, bytesMax = 1_000_000) => openCache({ directory, bytesMax, hubKey: key(hub) });
const bytes = Uint8Array.of(1, 2, 3);
const cid = cidOf(bytes);

test("a later worker of the same hub finds what an earlier one kept, one of another hub does not", async () => {
  const first = await open(1);
  await first.cache.put(cid, bytes);
  await first.close();
  const again = await open(1);
  expect(await again.cache.get(cid)).toEqual(bytes);
  const other = await open(2);
  expect(await other.cache.get(cid)).toBeUndefined();
  await Promise.all([again.close(), other.close()]);
});

test("workers at the same time have a directory each", async () => {
  const [first, second] = [await open(1), await open(1)];
  await first.cache.put(cid, bytes);
  expect(await second.cache.get(cid)).toBeUndefined();
  expect((await readdir(join(directory, "01".repeat(8)))).sort()).toEqual(["0", "1"]);
  await Promise.all([first.close(), second.close()]);
});

test("workerCacheBytesMax: keeps so much and no more", async () => {
  const { cache, close } = await open(1, 5_000);
  const more = Uint8Array.of(4, 5, 6);
  await cache.put(cid, bytes);
  await cache.put(cidOf(more), more);
  expect([...cache.cids()]).toEqual([cidOf(more)]);
  expect(await readdir(join(directory, "01".repeat(8), "0", "blobs"))).toEqual([cidOf(more)]);
  await close();
});

test("keeps the caches of the hubs that it worked for last", async () => {
  for (let hub = 1; hub <= 7; hub++) {
    const { cache, close } = await open(hub);
    await cache.put(cid, bytes);
    await close();
    await utimes(join(directory, `0${hub}`.repeat(8), "0", "blobs"), 1000 + hub, 1000 + hub);
  }
  const { close } = await open(7);
  await close();
  const left = await Promise.all(
    (await readdir(directory)).sort().map((hub) => readdir(join(directory, hub))),
  );
  expect(left.map((caches) => caches.length)).toEqual([0, 0, 1, 1, 1, 1, 1]);
});

test("workerCacheBytesMax: the caches that nobody uses have no more than that together, replicas not counted", async () => {
  const large = (byte: number) => new Uint8Array(30_000).fill(byte);
  for (let hub = 1; hub <= 4; hub++) {
    const { cache, close } = await open(hub, 70_000);
    await cache.put(cidOf(large(hub)), large(hub));
    await close();
    if (hub === 1) {
      await mkdir(join(directory, "01".repeat(8), "0", "replicas"), { recursive: true });
      await writeFile(join(directory, "01".repeat(8), "0", "replicas", "kept"), "for the hub");
    }
    await utimes(join(directory, `0${hub}`.repeat(8), "0", "blobs"), 1000 + hub, 1000 + hub);
  }
  const { close } = await open(5, 70_000);
  await close();
  const left = (hub: number) => readdir(join(directory, `0${hub}`.repeat(8), "0")).catch(() => undefined);
  expect(await Promise.all([1, 2].map(left))).toEqual([["replicas"], undefined]);
  for (const hub of [3, 4]) expect(await left(hub)).toContain("blobs");
});

test("one that cannot be used is in memory", async () => {
  const file = join(directory, "file");
  await writeFile(file, "");
  for (const options of [{ directory: join(file, "below") }, {}, { directory, bytesMax: 0 }]) {
    const { cache, close } = await openCache({ bytesMax: 1_000_000, hubKey: key(1), ...options });
    await cache.put(cid, bytes);
    expect(await cache.get(cid)).toEqual(options.bytesMax === 0 ? undefined : bytes);
    await close();
  }
  expect(await readdir(directory)).toEqual(["file"]);
});
