import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CachedBlobs } from "./cached-blobs.ts";
import { cidOf } from "./cid.ts";
import { DiskBlobCache } from "./disk-blob-cache.ts";
import { MemoryBlobCache } from "./memory-blob-cache.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "musketeers-cache-"));
});

afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

/** A blob of so many bytes. */
const blob = (number: number, bytes = 10) => new Uint8Array(bytes).fill(number);
const blobs = Array.from({ length: 6 }, (_, number) => ({ bytes: blob(number), cid: cidOf(blob(number)) }));
const [a, b, c, d] = blobs as [(typeof blobs)[0], (typeof blobs)[0], (typeof blobs)[0], (typeof blobs)[0]];

for (const [name, open] of [
  ["memory", () => new MemoryBlobCache({ bytesMax: 30 })],
  ["disk", () => new DiskBlobCache(directory, { bytesMax: 30, blockBytes: 1 })],
] as const) {
  describe(`${name} cache`, () => {
    test("forgets what was not used for longest", async () => {
      const cache = open();
      for (const { cid, bytes } of [a, b, c]) await cache.put(cid, bytes);
      expect(await cache.get(a.cid)).toEqual(a.bytes);
      await cache.put(d.cid, d.bytes);
      expect(await cache.get(b.cid)).toBeUndefined();
      expect(await Promise.all([a, c, d].map(({ cid }) => cache.get(cid)))).toEqual(
        [a, c, d].map((x) => x.bytes),
      );
      expect(cache.bytes).toBe(30);
    });

    test("keeps no longer what it is to forget, and says so", async () => {
      const cache = open();
      const dropped: string[] = [];
      cache.watcher = { kept: () => {}, dropped: (cid) => dropped.push(cid) };
      for (const { cid, bytes } of [a, b]) await cache.put(cid, bytes);
      await cache.forget(a.cid);
      await cache.forget(c.cid);
      expect([cache.has(a.cid), await cache.get(a.cid), cache.has(b.cid)]).toEqual([false, undefined, true]);
      expect([cache.bytes, dropped]).toEqual([10, [a.cid]]);
      expect((await readdir(directory)).length).toBe(name === "disk" ? 1 : 0);
    });

    test("keeps nothing that is larger than all of it", async () => {
      const cache = open();
      const large = blob(9, 31);
      await cache.put(cidOf(large), large);
      expect(await cache.get(cidOf(large))).toBeUndefined();
      expect(cache.bytes).toBe(0);
    });

    test("never holds more than it may, whatever is done at once", async () => {
      const cache = open();
      const uses = fc.sample(fc.tuple(fc.boolean(), fc.nat(5)), 200);
      await Promise.all(
        uses.map(async ([put, index]) => {
          const { cid, bytes } = blobs[index]!;
          if (put) await cache.put(cid, bytes);
          else expect([undefined, bytes]).toContainEqual(await cache.get(cid));
        }),
      );
      expect(cache.bytes).toBeLessThanOrEqual(30);
      expect((await readdir(directory)).length).toBe(name === "disk" ? cache.bytes / 10 : 0);
    });
  });
}

describe("disk cache", () => {
  test("knows after a restart what it kept and what was used last", async () => {
    const first = new DiskBlobCache(directory, { bytesMax: 30, blockBytes: 1 });
    for (const [index, { cid, bytes }] of [a, b, c].entries()) {
      await first.put(cid, bytes);
      await utimes(join(directory, cid), 1000 + index, 1000 + index);
    }
    await new DiskBlobCache(directory, { bytesMax: 30, blockBytes: 1 }).get(a.cid);
    const second = new DiskBlobCache(directory, { bytesMax: 20, blockBytes: 1 });
    expect(await second.get(b.cid)).toBeUndefined();
    expect(await second.get(a.cid)).toEqual(a.bytes);
    expect(await second.get(c.cid)).toEqual(c.bytes);
    expect((await readdir(directory)).sort()).toEqual([a.cid, c.cid].sort());
  });

  test("clears away what a killed process had half written", async () => {
    await writeFile(join(directory, "draft"), "half");
    const cache = new DiskBlobCache(directory, { bytesMax: 30, blockBytes: 1 });
    expect(await cache.get(a.cid)).toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
  });

  test("does not believe a damaged file, and can keep the blob again", async () => {
    const cache = new DiskBlobCache(directory, { bytesMax: 30, blockBytes: 1 });
    await cache.put(a.cid, a.bytes);
    await writeFile(join(directory, a.cid), b.bytes);
    expect(await cache.get(a.cid)).toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
    await cache.put(a.cid, a.bytes);
    expect(await cache.get(a.cid)).toEqual(a.bytes);
  });

  test("on a full disk throws away what was used longest ago, and goes on without what finds no room", async () => {
    const cache = new DiskBlobCache(directory, { bytesMax: 1_000, blockBytes: 1 });
    for (const { cid, bytes } of [a, b]) await cache.put(cid, bytes);
    // A directory where the file is to be refuses it as a full disk does.
    await mkdir(join(directory, c.cid, "x"), { recursive: true });
    await cache.put(c.cid, c.bytes);
    expect(await cache.get(c.cid)).toBeUndefined();
    expect([cache.bytes, await cache.get(a.cid)]).toEqual([0, undefined]);
    await cache.put(d.cid, d.bytes);
    expect(await cache.get(d.cid)).toEqual(d.bytes);
  });

  test("lends memory that it uses again when it is given back, and not before", async () => {
    const cache = new DiskBlobCache(directory, { bytesMax: 100, blockBytes: 1 });
    for (const { cid, bytes } of [a, b, c]) await cache.put(cid, bytes);
    const [first, second] = [await cache.lend(a.cid), await cache.lend(b.cid)] as [Uint8Array, Uint8Array];
    expect([first, second]).toEqual([a.bytes, b.bytes]);
    expect(first.buffer).not.toBe(second.buffer);
    cache.giveBack(first);
    cache.giveBack(first);
    const [third, fourth] = [await cache.lend(c.cid), await cache.lend(c.cid)] as [Uint8Array, Uint8Array];
    expect(third.buffer).toBe(first.buffer);
    expect(fourth.buffer).not.toBe(first.buffer);
    expect([second, third, fourth]).toEqual([b.bytes, c.bytes, c.bytes]);
    const own = (await cache.get(a.cid))!;
    cache.giveBack(own);
    expect((await cache.lend(b.cid))!.buffer).not.toBe(own.buffer);
    expect(await cache.lend(d.cid)).toBeUndefined();
  });

  test("does not believe what was damaged after it had verified it, read or lent", async () => {
    const cache = new DiskBlobCache(directory, { bytesMax: 100, blockBytes: 1 });
    for (const read of ["get", "lend"] as const) {
      await cache.put(a.cid, a.bytes);
      expect(await cache[read](a.cid)).toEqual(a.bytes);
      expect(await cache[read](a.cid)).toEqual(a.bytes);
      await writeFile(join(directory, a.cid), b.bytes);
      expect(await cache[read](a.cid)).toBeUndefined();
    }
  });

  test("counts what files take on a disk, so that many small ones are not too many", async () => {
    const cache = new DiskBlobCache(directory, { bytesMax: 3 * 4_096 });
    for (const bytes of [0, 1, 4_096, 4_097]) await cache.put(cidOf(blob(7, bytes)), blob(7, bytes));
    expect((await readdir(directory)).sort()).toEqual([cidOf(blob(7, 4_096)), cidOf(blob(7, 4_097))].sort());
    expect(cache.bytes).toBe(3 * 4_096);
    const large = blob(8, 3 * 4_096 + 1);
    await cache.put(cidOf(large), large);
    expect(cache.has(cidOf(large))).toBe(false);
  });

  test("that cannot be used keeps nothing and breaks nothing", async () => {
    const file = join(directory, "file");
    await writeFile(file, "");
    const cache = new DiskBlobCache(join(file, "cache"), { bytesMax: 30, blockBytes: 1 });
    await cache.put(a.cid, a.bytes);
    expect(await cache.get(a.cid)).toBeUndefined();
  });
});

describe("a cached store", () => {
  test("fetches once for all who ask at once, and then no more", async () => {
    const asked: string[] = [];
    const store = {
      get: async (cid: string) => {
        asked.push(cid);
        return a.bytes;
      },
      put: async () => a.cid,
    };
    const cached = new CachedBlobs(store, new MemoryBlobCache({ bytesMax: 100 }));
    const all = await Promise.all([cached.get(a.cid), cached.get(a.cid), cached.get(a.cid)]);
    expect(all).toEqual([a.bytes, a.bytes, a.bytes]);
    await cached.get(a.cid);
    expect(asked).toEqual([a.cid]);
  });

  test("gives up a fetch only when nobody waits for it any more", async () => {
    let deliver: (bytes: Uint8Array) => void = () => {};
    const signals: AbortSignal[] = [];
    const asked: (() => void)[] = [];
    const nextAsk = () => new Promise<void>((resolve) => asked.push(resolve));
    const store = {
      get: (_cid: string, options?: { signal?: AbortSignal }) => {
        signals.push(options!.signal!);
        asked.shift()?.();
        return new Promise<Uint8Array>((resolve) => {
          deliver = resolve;
        });
      },
      put: async () => a.cid,
    };
    const cached = new CachedBlobs(store, new MemoryBlobCache({ bytesMax: 100 }));
    const [first, second] = [new AbortController(), new AbortController()];
    let asking = nextAsk();
    const one = cached.get(a.cid, { signal: first.signal });
    const two = cached.get(a.cid, { signal: second.signal });
    await asking;
    first.abort(new Error("first left"));
    await expect(one).rejects.toThrow("first left");
    expect(signals[0]!.aborted).toBe(false);
    second.abort(new Error("second left"));
    await expect(two).rejects.toThrow("second left");
    expect(signals[0]!.aborted).toBe(true);

    asking = nextAsk();
    const three = cached.get(a.cid);
    await asking;
    deliver(a.bytes);
    expect(await three).toEqual(a.bytes);
    expect(signals).toHaveLength(2);
  });

  test("gives what it has fetched before the cache has it, and waits for a cache that is far behind", async () => {
    let keep!: () => void;
    const slow = new Promise<void>((resolve) => {
      keep = resolve;
    });
    const large = new Uint8Array(17 * 1024 * 1024);
    const contents = new Map([a, { cid: cidOf(large), bytes: large }].map(({ cid, bytes }) => [cid, bytes]));
    const asked: string[] = [];
    const store = {
      get: async (cid: string) => {
        asked.push(cid);
        return contents.get(cid)!;
      },
      put: async () => a.cid,
    };
    const none = { has: () => false, cids: () => [], get: async () => undefined };
    const cache = { ...none, put: () => slow, forget: async () => {} };
    const cached = new CachedBlobs(store, cache);
    expect(await cached.get(a.cid)).toBe(a.bytes);
    expect([await cached.get(a.cid), await cached.peek(a.cid)]).toEqual([a.bytes, a.bytes]);
    expect(asked).toEqual([a.cid]);
    let behind = true;
    const waiting = cached.get(cidOf(large)).then((bytes) => [bytes === large, behind]);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    behind = false;
    keep();
    expect(await waiting).toEqual([true, false]);
  });

  test("recentBlobsBytesMax: has in memory what was used lately, and no more", async () => {
    const inner = new MemoryBlobCache({ bytesMax: 100 });
    const asked: string[] = [];
    const cache = {
      has: (cid: string) => inner.has(cid),
      cids: () => inner.cids(),
      get: (cid: string) => {
        asked.push(cid);
        return inner.get(cid);
      },
      put: (cid: string, bytes: Uint8Array) => inner.put(cid, bytes),
      forget: (cid: string) => inner.forget(cid),
    };
    for (const { cid, bytes } of [a, b, c]) await inner.put(cid, bytes);
    const store = { get: () => Promise.reject(new Error("asked")), put: async () => a.cid };
    const cached = new CachedBlobs(store, cache, { recentBytesMax: 20 });
    for (const { cid } of [a, b, a, c, a, b]) expect(await cached.get(cid)).toBeDefined();
    expect(asked).toEqual([a.cid, b.cid, c.cid, b.cid]);
    expect([cached.has(c.cid), cached.has(d.cid)]).toEqual([true, false]);
  });

  test("lends what the cache has, and gives as usual what it has not or has at hand", async () => {
    const lent: string[] = [];
    const inner = new MemoryBlobCache({ bytesMax: 100 });
    const cache = Object.assign(inner, {
      lend: async (cid: string) => {
        lent.push(cid);
        return inner.get(cid);
      },
    });
    await inner.put(a.cid, a.bytes);
    const cached = new CachedBlobs({ get: async () => b.bytes, put: async () => a.cid }, cache, {
      recentBytesMax: 10,
    });
    expect([await cached.lend(a.cid), await cached.lend(b.cid), await cached.lend(b.cid)]).toEqual([
      a.bytes,
      b.bytes,
      b.bytes,
    ]);
    expect(lent).toEqual([a.cid]);
  });

  test("forgets what it has in memory and in its cache", async () => {
    const store = { get: () => Promise.reject(new Error("asked")), put: async () => a.cid };
    const cached = new CachedBlobs(store, new MemoryBlobCache({ bytesMax: 100 }), { recentBytesMax: 100 });
    await cached.put(a.bytes);
    cached.forget(a.cid);
    expect([cached.has(a.cid), await cached.peek(a.cid)]).toEqual([false, undefined]);
  });

  test("keeps what it stores", async () => {
    const store = { get: () => Promise.reject(new Error("asked")), put: async () => a.cid };
    const cached = new CachedBlobs(store, new MemoryBlobCache({ bytesMax: 100 }));
    expect(await cached.put(a.bytes)).toBe(a.cid);
    expect(await cached.get(a.cid)).toEqual(a.bytes);
  });
});

test("what is no name of a blob is no name of a file", async () => {
  const inner = join(directory, "cache");
  const cache = new DiskBlobCache(inner, { bytesMax: 100_000 });
  await cache.put(a.cid, a.bytes);
  await writeFile(join(directory, "mine"), "not a blob");
  for (const name of ["../mine", "..", "", "new"]) {
    await cache.put(name, b.bytes);
    await cache.forget(name);
    expect([cache.has(name), await cache.get(name)]).toEqual([false, undefined]);
  }
  expect((await readdir(directory)).sort()).toEqual(["cache", "mine"]);
  expect(await readFile(join(directory, "mine"), "utf8")).toBe("not a blob");
  expect(await readdir(inner)).toEqual([a.cid]);
});
