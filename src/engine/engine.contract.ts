import { afterEach, describe, expect, test } from "vitest";
import { blobsContract } from "./blobs.contract.ts";
import type { JournalEntry } from "./port.ts";
import { all, bytesOf, type EngineSetup, type OpenSetup } from "./setup.contract.ts";

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const texts = (entries: readonly JournalEntry[]): string[] => entries.map(({ record }) => textOf(record));

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
