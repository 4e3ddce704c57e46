import { randomBytes } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ChunkPool } from "./chunk-pool.ts";
import { cidOf } from "./cid.ts";
import { type NamingOptions, NamingThreads, namedChunksOf } from "./naming-threads.ts";

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true, maxRetries: 10 });
});

async function fileOf(bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "musketeers-naming-"));
  folders.push(folder);
  const path = join(folder, "file");
  await writeFile(path, bytes);
  return path;
}

async function namesIn(bytes: Uint8Array, options: NamingOptions, onBytes?: (bytes: Uint8Array) => void) {
  const file = await open(await fileOf(bytes));
  const found: { cid: string; length: number }[] = [];
  try {
    for await (const { cid, bytes: chunk } of namedChunksOf(file.fd, options)) {
      found.push({ cid, length: typeof chunk === "number" ? chunk : chunk.length });
      if (typeof chunk !== "number") onBytes?.(chunk);
    }
  } finally {
    await file.close();
  }
  return found;
}

const chunksOf = (bytes: Uint8Array, chunkBytes: number) =>
  Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) => {
    const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    return { cid: cidOf(chunk), length: chunk.length };
  });

test.each([0, 1, 65_536, 1_048_576, 5_000_000, 9 * 1_048_576])(
  "chunks of %i bytes, by name",
  async (size) => {
    const bytes = randomBytes(size);
    expect(await namesIn(bytes, { chunkBytes: 65_536 })).toEqual(chunksOf(bytes, 65_536));
    expect(await namesIn(bytes, { chunkBytes: 1_000_000 })).toEqual(chunksOf(bytes, 1_000_000));
  },
);

test("what threads have read is there, and its memory is used again", async () => {
  const bytes = randomBytes(47 * 262_144);
  const pool = new ChunkPool(262_144, { shared: true });
  const memory = new Set<ArrayBufferLike>();
  const parts: Buffer[] = [];
  const options = { chunkBytes: 262_144, pool };
  const found = await namesIn(bytes, options, (chunk) => {
    parts.push(Buffer.from(chunk));
    memory.add(chunk.buffer);
    pool.give(chunk);
  });
  expect(found).toEqual(chunksOf(bytes, 262_144));
  expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
  expect(memory.size).toBeLessThan(found.length);
  // Also what was asked for beyond the end.
  const before = pool.allocatedBytes;
  expect(await namesIn(bytes, options, (chunk) => pool.give(chunk))).toEqual(found);
  expect(pool.allocatedBytes).toBe(before);
});

test("several files at once, in different chunks", async () => {
  const files = [randomBytes(3_000_000), randomBytes(2_000_000), randomBytes(100)];
  const found = await Promise.all(
    files.map((bytes, at) => namesIn(bytes, { chunkBytes: 65_536 * (at + 1) })),
  );
  expect(found).toEqual(files.map((bytes, at) => chunksOf(bytes, 65_536 * (at + 1))));
});

test("who stops in the middle leaves nothing under way", async () => {
  const file = await open(await fileOf(randomBytes(8 * 1_048_576)));
  const threads = new NamingThreads(2);
  for await (const { bytes } of threads.chunksOf(file.fd, { chunkBytes: 262_144 })) {
    expect(bytes).toBe(262_144);
    break;
  }
  await file.close();
  await threads.end();
});

test("what cannot be read is said with the system's code", async () => {
  const folder = await open(tmpdir());
  const threads = new NamingThreads(1);
  const naming = threads.chunksOf(folder.fd, { chunkBytes: 65_536 });
  await expect(naming.next()).rejects.toMatchObject({ code: "EISDIR" });
  await folder.close();
  await threads.end();
});

test("threads that were ended answer with an error", async () => {
  const file = await open(await fileOf(randomBytes(100)));
  const threads = new NamingThreads(1);
  await threads.end();
  await expect(threads.chunksOf(file.fd, { chunkBytes: 65_536 }).next()).rejects.toThrow("has ended");
  await file.close();
});
