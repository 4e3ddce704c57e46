import { afterEach, describe, expect, test } from "vitest";
import { cidOf } from "../data/index.ts";
import type { EngineLimits } from "./options.ts";
import type { BlobStat, Engine, JournalEntry } from "./port.ts";

export interface EngineSetup {
  readonly engine: Engine;
  /** Moves the clock that the registry's expiry follows. */
  advance(ms: number): void;
  /** Closes the engine and opens what it left; only of adapters that keep anything. */
  reopen?(): Promise<Engine>;
  dispose(): Promise<void>;
}

export type OpenSetup = (limits?: Partial<EngineLimits>) => Promise<EngineSetup>;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const texts = (entries: readonly JournalEntry[]): string[] => entries.map(({ record }) => textOf(record));

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

async function contentOf(parts: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await all(parts)).toString();
}

async function* streamOf(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield bytesOf(part);
}

/** Every sentence of `port.ts`, as tests. */
export function engineContract(name: string, open: OpenSetup): void {
  const setups: EngineSetup[] = [];
  const setUp: OpenSetup = async (limits) => {
    const setup = await open(limits);
    setups.push(setup);
    return setup;
  };

  describe(name, () => {
    afterEach(async () => {
      for (const setup of setups.splice(0)) await setup.dispose();
    });
    describe("journal", () => journalContract(setUp));
    describe("registry", () => registryContract(setUp));
    describe("blobs", () => blobsContract(setUp));
  });
}

function journalContract(setUp: OpenSetup): void {
  test("reads what was appended, in order, at rising positions", async () => {
    const { journal } = (await setUp()).engine;
    const first = await journal.append([bytesOf("a"), bytesOf("")]);
    const second = await journal.append([bytesOf("c")]);
    const entries = await all(journal.read());
    expect(texts(entries)).toEqual(["a", "", "c"]);
    expect(entries.map(({ position }) => position)).toEqual([...first, ...second]);
    expect([...first, ...second]).toEqual([...first, ...second].sort((a, b) => a - b));
    expect(new Set([...first, ...second]).size).toBe(3);
  });

  test("reads from a position on, whether a record begins there or not", async () => {
    const { journal } = (await setUp()).engine;
    const [a, b, c] = await journal.append(["a", "bbbbbbbb", "c"].map(bytesOf));
    const from = async (position: number) => texts(await all(journal.read(position)));
    expect(await from(a!)).toEqual(["a", "bbbbbbbb", "c"]);
    expect(await from(b!)).toEqual(["bbbbbbbb", "c"]);
    expect(await from(b! + 1)).toEqual(["c"]);
    expect(await from(c! - 1)).toEqual(["c"]);
    expect(await from(c! + 1)).toEqual([]);
    expect(await from(c! + 1_000_000)).toEqual([]);
  });

  test("reads what was durable when it was asked, not what came later", async () => {
    const { journal } = (await setUp()).engine;
    await journal.append([bytesOf("before")]);
    const reading = journal.read();
    await journal.append([bytesOf("after")]);
    expect(texts(await all(reading))).toEqual(["before"]);
  });

  test("gets one record, and says NOT_FOUND where there is none", async () => {
    const { journal } = (await setUp()).engine;
    const [a, b] = await journal.append([bytesOf("a"), new Uint8Array(300_000).fill(7)]);
    expect(textOf(await journal.get(a!))).toBe("a");
    expect(Buffer.alloc(300_000, 7).equals(await journal.get(b!))).toBe(true);
    for (const position of [a! + 1, b! + 1, b! + 1_000_000]) {
      await expect(journal.get(position)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });

  test("commitBytesMax: keeps concurrent appends whole and in the order of the calls", async () => {
    const { journal } = (await setUp({ commitBytesMax: 1000 })).engine;
    const calls = Array.from({ length: 200 }, (_, call) => {
      const size = call % 5;
      return Array.from({ length: size }, (_, index) => bytesOf(`${call}.${index}${"x".repeat(call)}`));
    });
    const resolved: number[] = [];
    const positions = await Promise.all(
      calls.map(async (records, call) => {
        const given = await journal.append(records);
        resolved.push(call);
        return given;
      }),
    );
    const entries = await all(journal.read());
    expect(texts(entries)).toEqual(calls.flat().map(textOf));
    expect(entries.map(({ position }) => position)).toEqual(positions.flat());
    expect(resolved).toEqual(calls.map((_, call) => call));
  });

  test("an empty append resolves after those before it", async () => {
    const { journal } = (await setUp()).engine;
    const order: string[] = [];
    await Promise.all([
      journal.append([new Uint8Array(600_000)]).then(() => order.push("large")),
      journal.append([]).then((positions) => order.push(`empty ${positions.length}`)),
    ]);
    expect(order).toEqual(["large", "empty 0"]);
  });

  test("recordBytesMax: refuses a record that is too large, and its batch with it", async () => {
    const { journal } = (await setUp({ recordBytesMax: 10 })).engine;
    await expect(journal.append([bytesOf("ok"), new Uint8Array(11)])).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
    await journal.append([new Uint8Array(10)]);
    expect(await all(journal.read())).toHaveLength(1);
  });

  test("segmentBytesTarget: forgets at most what is before a position", async () => {
    const { journal } = (await setUp({ segmentBytesTarget: 200 })).engine;
    const positions: number[] = [];
    for (let index = 0; index < 30; index++) {
      positions.push(...(await journal.append([bytesOf(`record ${index}`)])));
    }
    const before = journal.stats();
    await journal.dropBefore(positions[20]!);
    const kept = texts(await all(journal.read(positions[20]!)));
    expect(kept).toEqual(Array.from({ length: 10 }, (_, index) => `record ${20 + index}`));
    const rest = texts(await all(journal.read()));
    expect(rest.length).toBeLessThan(30);
    expect(rest.slice(-10)).toEqual(kept);
    expect(journal.stats().bytes).toBeLessThan(before.bytes);
    expect(journal.stats().records).toBe(rest.length);
    await expect(journal.get(positions[0]!)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(textOf(await journal.get(positions[20]!))).toBe("record 20");
  });

  test("a reader that has begun sees everything although it is dropped meanwhile", async () => {
    const { journal } = (await setUp({ segmentBytesTarget: 200 })).engine;
    for (let index = 0; index < 30; index++) await journal.append([bytesOf(`record ${index}`)]);
    const seen: string[] = [];
    for await (const { record } of journal.read()) {
      if (seen.length === 0) await journal.dropBefore(Number.MAX_SAFE_INTEGER);
      seen.push(textOf(record));
    }
    expect(seen).toHaveLength(30);
  });

  test("counts its records and knows no fault", async () => {
    const { journal } = (await setUp()).engine;
    expect(journal.stats()).toMatchObject({ records: 0, fault: null });
    await journal.append([bytesOf("a"), bytesOf("b")]);
    expect(journal.stats()).toMatchObject({ records: 2, fault: null });
    expect(journal.stats().bytes).toBeGreaterThanOrEqual(2);
  });

  test("stores what was appended before it is closed, and refuses what comes after", async () => {
    const setup = await setUp();
    const { journal } = setup.engine;
    const pending = journal.append([bytesOf("last")]);
    const closing = journal.close();
    await expect(journal.append([bytesOf("late")])).rejects.toMatchObject({ code: "STORAGE" });
    await closing;
    await expect(pending).resolves.toHaveLength(1);
    await journal.close();
    if (setup.reopen === undefined) return;
    expect(texts(await all((await setup.reopen()).journal.read()))).toEqual(["last"]);
  });

  test("goes on where it was when it is opened again", async () => {
    const setup = await setUp({ segmentBytesTarget: 200 });
    if (setup.reopen === undefined) return;
    const positions: number[] = [];
    for (let index = 0; index < 20; index++) {
      positions.push(...(await setup.engine.journal.append([bytesOf(`record ${index}`)])));
    }
    const stats = setup.engine.journal.stats();
    const { journal } = await setup.reopen();
    expect(journal.stats()).toEqual(stats);
    positions.push(...(await journal.append([bytesOf("record 20")])));
    const entries = await all(journal.read());
    expect(entries.map(({ position }) => position)).toEqual(positions);
    expect(texts(entries)).toEqual(positions.map((_, index) => `record ${index}`));
  });
}

function registryContract(setUp: OpenSetup): void {
  test("gets what was put, with a revision that rises with every write", async () => {
    const { registry } = (await setUp()).engine;
    expect(await registry.get("key")).toBeUndefined();
    const first = await registry.put("key", bytesOf("one"));
    expect(await registry.get("key")).toEqual({ value: bytesOf("one"), revision: first });
    const second = await registry.put("key", bytesOf("two"));
    expect(second).toBeGreaterThan(first!);
    expect(await registry.get("key")).toEqual({ value: bytesOf("two"), revision: second });
  });

  test("compares before it sets", async () => {
    const { registry } = (await setUp()).engine;
    const revision = await registry.put("key", bytesOf("one"), { ifRevision: 0 });
    expect(revision).toBeGreaterThan(0);
    expect(await registry.put("key", bytesOf("two"), { ifRevision: 0 })).toBeUndefined();
    expect(await registry.put("key", bytesOf("two"), { ifRevision: revision! + 1 })).toBeUndefined();
    expect(textOf((await registry.get("key"))!.value)).toBe("one");
    expect(await registry.put("key", bytesOf("two"), { ifRevision: revision! })).toBeGreaterThan(revision!);
    await registry.delete("key");
    expect(await registry.put("key", bytesOf("three"), { ifRevision: revision! })).toBeUndefined();
    expect(await registry.put("key", bytesOf("three"), { ifRevision: 0 })).toBeGreaterThan(revision!);
  });

  test("lets one of many who compare at once win", async () => {
    const { registry } = (await setUp()).engine;
    const tries = Array.from({ length: 20 }, (_, index) =>
      registry.put("leader", bytesOf(`candidate ${index}`), { ifRevision: 0 }),
    );
    const won = (await Promise.all(tries)).flatMap((revision, index) =>
      revision === undefined ? [] : [`candidate ${index}`],
    );
    expect(won).toHaveLength(1);
    expect(textOf((await registry.get("leader"))!.value)).toBe(won[0]);
  });

  test("forgets a key when its time is over", async () => {
    const { engine, advance } = await setUp();
    const { registry } = engine;
    const revision = await registry.put("lease", bytesOf("mine"), { ttlMs: 1000 });
    advance(999);
    expect(await registry.get("lease")).toMatchObject({ revision });
    advance(1);
    expect(await registry.get("lease")).toBeUndefined();
    expect(await registry.list("")).toEqual([]);
    expect(await registry.put("lease", bytesOf("yours"), { ifRevision: revision! })).toBeUndefined();
    expect(await registry.put("lease", bytesOf("yours"), { ifRevision: 0 })).toBeGreaterThan(revision!);
    advance(1_000_000);
    expect(textOf((await registry.get("lease"))!.value)).toBe("yours");
  });

  test("lists keys with a prefix, sorted", async () => {
    const { registry } = (await setUp()).engine;
    for (const key of ["job/b", "job/a", "worker/x", "job", "job/c"]) await registry.put(key, bytesOf(key));
    await registry.delete("job/c");
    await registry.delete("never");
    expect(await registry.list("job/")).toEqual(["job/a", "job/b"]);
    expect(await registry.list("")).toEqual(["job", "job/a", "job/b", "worker/x"]);
    expect(await registry.list("none")).toEqual([]);
  });

  test("keeps its own copy of a value", async () => {
    const { registry } = (await setUp()).engine;
    const value = bytesOf("mine");
    const put = registry.put("key", value);
    value.fill(0);
    await put;
    (await registry.get("key"))!.value.fill(1);
    expect(textOf((await registry.get("key"))!.value)).toBe("mine");
  });

  test("registryValueBytesMax: refuses a value that is too large", async () => {
    const { registry } = (await setUp({ registryValueBytesMax: 4 })).engine;
    await registry.put("key", bytesOf("four"));
    await expect(registry.put("key", bytesOf("five!"))).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(textOf((await registry.get("key"))!.value)).toBe("four");
  });

  test("is there again when it is opened again", async () => {
    const setup = await setUp();
    if (setup.reopen === undefined) return;
    await setup.engine.registry.put("short", bytesOf("x"), { ttlMs: 1000 });
    await setup.engine.registry.put("gone", bytesOf("x"));
    await setup.engine.registry.delete("gone");
    const revision = await setup.engine.registry.put("long", bytesOf("kept"));
    const { registry } = await setup.reopen();
    expect(await registry.list("")).toEqual(["long", "short"]);
    expect(await registry.get("long")).toEqual({ value: bytesOf("kept"), revision });
    setup.advance(1000);
    expect(await registry.list("")).toEqual(["long"]);
    expect(await registry.put("new", bytesOf("x"))).toBeGreaterThan(revision!);
  });
}

function blobsContract(setUp: OpenSetup): void {
  const hello = { cid: cidOf(bytesOf("hello world")), bytes: 11 };

  test("stores bytes and streams under the same CID", async () => {
    const { blobs } = (await setUp()).engine;
    expect(await blobs.stat(hello.cid)).toBeUndefined();
    expect(await blobs.put(bytesOf("hello world"))).toEqual(hello);
    expect(await blobs.put(streamOf("hello", "", " world"))).toEqual(hello);
    expect(await blobs.stat(hello.cid)).toEqual(hello);
    expect(await contentOf(blobs.read(hello.cid))).toBe("hello world");
    expect(await all(blobs.list())).toMatchObject([hello]);
  });

  test("stores a node under its own codec, and refuses it under a wrong digest", async () => {
    const { blobs } = (await setUp()).engine;
    const node = { cid: cidOf(bytesOf("a node"), "dag-pb"), bytes: 6 };
    expect(await blobs.put(bytesOf("a node"), { expect: node.cid })).toEqual(node);
    expect(await blobs.put(streamOf("a ", "node"), { expect: node.cid })).toEqual(node);
    expect(await contentOf(blobs.read(node.cid))).toBe("a node");
    expect(await blobs.stat(cidOf(bytesOf("a node")))).toBeUndefined();
    const other = cidOf(bytesOf("another"), "dag-pb");
    for (const bytes of [bytesOf("a node"), streamOf("a node")]) {
      await expect(blobs.put(bytes, { expect: other })).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
    }
    expect(await all(blobs.list())).toMatchObject([node]);
  });

  test("stores a batch of blocks, and touches those that it has", async () => {
    const { engine, advance } = await setUp();
    const { blobs } = engine;
    const block = (text: string, codec: "raw" | "dag-pb" = "raw") => ({
      cid: cidOf(bytesOf(text), codec),
      bytes: bytesOf(text),
    });
    const [old] = [block("old")];
    await blobs.put(old.bytes);
    const [{ usedAtMs } = { usedAtMs: 0 }] = await all(blobs.list());
    advance(10_000);
    const blocks = [old, block("a"), block("node", "dag-pb"), block(""), block("a")];
    async function* stream() {
      yield* blocks;
    }
    expect(await blobs.putBatch(stream())).toBe(5);
    expect(await blobs.putBatch([])).toBe(0);
    for (const { cid, bytes } of blocks) {
      expect(await blobs.stat(cid)).toEqual({ cid, bytes: bytes.length });
      expect(await contentOf(blobs.read(cid))).toBe(Buffer.from(bytes).toString());
    }
    const stored = await all(blobs.list());
    expect(stored).toHaveLength(4);
    expect(stored.every((blob) => blob.usedAtMs >= usedAtMs + 10_000)).toBe(true);
  });

  test("refuses a batch with a block that is not what it is said to be, without losing track", async () => {
    const { blobs } = (await setUp({ blobBytesMax: 10 })).engine;
    const good = { cid: cidOf(bytesOf("good")), bytes: bytesOf("good") };
    const wrong = { cid: cidOf(bytesOf("right")), bytes: bytesOf("wrong") };
    const path = { cid: "../journal", bytes: bytesOf("good") };
    const large = { cid: cidOf(new Uint8Array(11)), bytes: new Uint8Array(11) };
    for (const [bad, code] of [
      [wrong, "BLOB_MISMATCH"],
      [path, "BLOB_MISMATCH"],
      [large, "LIMIT_EXCEEDED"],
    ] as const) {
      await expect(blobs.putBatch([good, bad, good])).rejects.toMatchObject({ code });
      expect(await blobs.stat(bad.cid)).toBeUndefined();
    }
    expect(await blobs.putBatch([good])).toBe(1);
    expect(await all(blobs.list())).toMatchObject([{ cid: good.cid, bytes: 4 }]);
  });

  test("stores what is empty", async () => {
    const { blobs } = (await setUp()).engine;
    const { cid } = await blobs.put(streamOf());
    expect(await blobs.stat(cid)).toEqual({ cid, bytes: 0 });
    expect(await contentOf(blobs.read(cid))).toBe("");
  });

  test("reads ranges, cut at the blob's end", async () => {
    const { blobs } = (await setUp()).engine;
    await blobs.put(bytesOf("hello world"));
    const range = (start: number, end: number) => contentOf(blobs.read(hello.cid, { start, end }));
    expect(await range(0, 5)).toBe("hello");
    expect(await range(6, 100)).toBe("world");
    expect(await range(3, 3)).toBe("");
    expect(await range(50, 60)).toBe("");
    await expect(range(5, 4)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    await expect(range(-1, 4)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  });

  test("reads a blob of many chunks", async () => {
    const { blobs } = (await setUp()).engine;
    const bytes = new Uint8Array(1_000_001).map((_, index) => index * 7);
    const { cid } = await blobs.put(bytes);
    expect(Buffer.concat(await all(blobs.read(cid))).equals(bytes)).toBe(true);
    const middle = Buffer.concat(await all(blobs.read(cid, { start: 262_143, end: 600_001 })));
    expect(middle.equals(bytes.subarray(262_143, 600_001))).toBe(true);
  });

  test("refuses other bytes than were expected, and keeps nothing of them", async () => {
    const { blobs } = (await setUp()).engine;
    const expect_ = hello.cid;
    await expect(blobs.put(bytesOf("hello"), { expect: expect_ })).rejects.toMatchObject({
      code: "BLOB_MISMATCH",
    });
    await expect(blobs.put(streamOf("hel", "lo"), { expect: expect_ })).rejects.toMatchObject({
      code: "BLOB_MISMATCH",
    });
    expect(await all(blobs.list())).toEqual([]);
    await blobs.put(streamOf("hello world"), { expect: expect_ });
    await expect(blobs.put(streamOf("other"), { expect: expect_ })).rejects.toMatchObject({
      code: "BLOB_MISMATCH",
    });
    expect(await all(blobs.list())).toMatchObject([hello]);
  });

  test("blobBytesMax: refuses what is too large, as soon as it is", async () => {
    const { blobs } = (await setUp({ blobBytesMax: 10 })).engine;
    let pulled = 0;
    async function* endless() {
      for (;;) {
        pulled++;
        yield new Uint8Array(4);
      }
    }
    await expect(blobs.put(endless())).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(pulled).toBe(3);
    await expect(blobs.put(new Uint8Array(11))).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    await expect(blobs.put(bytesOf("abcd"), { bytesMax: 3 })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
    await blobs.put(new Uint8Array(10));
    expect(await all(blobs.list())).toHaveLength(1);
  });

  test("keeps nothing of a stream that fails", async () => {
    const { blobs } = (await setUp()).engine;
    async function* failing() {
      yield bytesOf("hello world");
      throw new Error("the sender went away");
    }
    await expect(blobs.put(failing())).rejects.toThrow("the sender went away");
    expect(await all(blobs.list())).toEqual([]);
  });

  test("takes the same blob from many at once", async () => {
    const { blobs } = (await setUp()).engine;
    const puts = Array.from({ length: 20 }, (_, index) =>
      blobs.put(index % 2 === 0 ? bytesOf("hello world") : streamOf("hello ", "world")),
    );
    expect(await Promise.all(puts)).toEqual(Array.from({ length: 20 }, (): BlobStat => hello));
    expect(await contentOf(blobs.read(hello.cid))).toBe("hello world");
    expect(await all(blobs.list())).toMatchObject([hello]);
  });

  test("deletes, and says NOT_FOUND of what is not there", async () => {
    const { blobs } = (await setUp()).engine;
    await blobs.put(bytesOf("hello world"));
    await blobs.delete(hello.cid);
    await blobs.delete(hello.cid);
    expect(await blobs.stat(hello.cid)).toBeUndefined();
    await expect(contentOf(blobs.read(hello.cid))).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await all(blobs.list())).toEqual([]);
  });

  test("deletes what is out of use, and leaves what was stored or touched lately", async () => {
    const { engine, advance } = await setUp();
    const { blobs } = engine;
    await blobs.put(bytesOf("hello world"));
    const other = (await blobs.put(bytesOf("other"))).cid;
    const [{ usedAtMs } = { usedAtMs: 0 }] = await all(blobs.list());
    advance(10_000);
    expect(await blobs.touch(hello.cid)).toEqual(hello);
    for (const cid of [hello.cid, other]) await blobs.delete(cid, usedAtMs + 5_000);
    expect(await all(blobs.list())).toEqual([{ ...hello, usedAtMs: usedAtMs + 10_000 }]);
    expect(await blobs.touch(other)).toBeUndefined();
    advance(10_000);
    await blobs.put(streamOf("hello world"), { expect: hello.cid });
    await blobs.delete(hello.cid, usedAtMs + 15_000);
    expect(await blobs.stat(hello.cid)).toEqual(hello);
  });

  test("takes no path for a CID", async () => {
    const { blobs } = (await setUp()).engine;
    for (const name of ["../journal/manifest", "", ".", `${hello.cid}/..`]) {
      expect(await blobs.stat(name)).toBeUndefined();
      expect(await blobs.touch(name)).toBeUndefined();
      await blobs.delete(name);
      await expect(contentOf(blobs.read(name))).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });

  test("is there again when it is opened again", async () => {
    const setup = await setUp();
    if (setup.reopen === undefined) return;
    await setup.engine.blobs.put(streamOf("hello world"));
    const { blobs } = await setup.reopen();
    expect(await contentOf(blobs.read(hello.cid))).toBe("hello world");
  });
}
