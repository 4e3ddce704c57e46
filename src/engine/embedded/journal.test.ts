import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { engineLimits } from "../options.ts";
import { FakeDisk, type Operation } from "./disk.fake.ts";
import {
  bytesOf,
  directory,
  fill,
  numbered,
  openOn,
  pathOf,
  readAll,
  refusing,
  segmentsOf,
} from "./journal.fake.ts";
import { type Durability, EmbeddedJournal } from "./journal.ts";
import { MANIFEST_NAME } from "./manifest.ts";
import { SEGMENT_HEADER_BYTES, segmentName } from "./segment.ts";

describe("a crash", () => {
  test("cuts the last batch off whole, wherever it is torn", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk);
    await fill(journal, 0, 3);
    const before = disk.content(pathOf(0)).length;
    await journal.append(["first", "", "third"].map(bytesOf));
    const whole = disk.content(pathOf(0));
    for (let length = before; length <= whole.length; length++) {
      const torn = disk.afterKill();
      torn.setContent(pathOf(0), whole.slice(0, length));
      const reopened = await openOn(torn);
      const complete = length === whole.length;
      expect(await readAll(reopened)).toEqual([
        ...numbered(0, 3),
        ...(complete ? ["first", "", "third"] : []),
      ]);
      const clean = length === before || complete;
      expect(reopened.recovery).toEqual(
        clean
          ? undefined
          : { segment: segmentName(0), offset: before, droppedBytes: length - before, lostRecords: 0 },
      );
      expect(reopened.stats().records).toBe(complete ? 6 : 3);
      await reopened.append([bytesOf("next")]);
      expect((await readAll(reopened)).at(-1)).toBe("next");
    }
  });

  test("of the whole machine costs a strict journal nothing that was acknowledged", async () => {
    for (const kept of [() => false, () => true, (offset: number) => offset % 3 === 0]) {
      const disk = new FakeDisk();
      const journal = await openOn(disk, "strict", 300);
      await fill(journal, 0, 40);
      // Written, but the power goes before it is synced.
      const syncing = refusing(disk, (operation) => (operation === "sync" ? { code: "EIO" } : undefined));
      const unacknowledged = journal.append([bytesOf("late 1"), bytesOf("late 2")]);
      unacknowledged.catch(() => {});
      await syncing;
      const reopened = await openOn(disk.afterPowerCut(kept), "strict", 300);
      const records = await readAll(reopened);
      expect(records.slice(0, 40)).toEqual(numbered(0, 40));
      expect([0, 2]).toContain(records.length - 40);
    }
  });

  test("of the whole machine leaves a default journal a whole beginning", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk, "default", 300);
    await fill(journal, 0, 40);
    for (const kept of [() => false, () => true, (offset: number) => offset % 7 !== 0]) {
      const reopened = await openOn(disk.afterPowerCut(kept), "default", 300);
      const records = await readAll(reopened);
      expect(records).toEqual(numbered(0, records.length));
      await reopened.append([bytesOf("next")]);
      expect(await readAll(reopened)).toEqual([...records, "next"]);
    }
  });

  test("while a segment is begun leaves what was before", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk, "default", 200);
    await fill(journal, 0, 10);
    const left = disk.afterKill();
    const end =
      (await segmentsOf(left)).at(-1)! + left.content(pathOf((await segmentsOf(left)).at(-1)!)).length;
    const file = await left.open(pathOf(end), "create");
    await file.write([new Uint8Array(SEGMENT_HEADER_BYTES - 1)], 0);
    const reopened = await openOn(left, "default", 200);
    expect(await readAll(reopened)).toEqual(numbered(0, 10));
    expect(await segmentsOf(left)).not.toContain(end);
    await fill(reopened, 10, 20);
    expect(await readAll(reopened)).toEqual(numbered(0, 20));
  });
});

describe("a disk that refuses", () => {
  test("makes appends wait, says why, and loses nothing when there is room again", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk, "default", 400);
    await fill(journal, 0, 5);
    disk.freeBytes = 30;
    const full = (operation: Operation) =>
      operation === "write" && disk.freeBytes < 30 ? { code: "ENOSPC" } : undefined;
    // Refused for the second time, it has told why.
    const refused = refusing(disk, full, 2);
    const appends = numbered(5, 30).map((text) => journal.append([bytesOf(text)]));
    await refused;
    expect(journal.stats().fault).toMatch(/cannot be written.*ENOSPC/);
    expect(await readAll(journal)).toEqual(numbered(0, 5));
    disk.fault = () => undefined;
    disk.freeBytes = Number.POSITIVE_INFINITY;
    await Promise.all(appends);
    expect(journal.stats().fault).toBeNull();
    expect(await readAll(journal)).toEqual(numbered(0, 30));
    expect(await readAll(await openOn(disk.afterKill()))).toEqual(numbered(0, 30));
  });

  test("is cut back to the last whole batch before the next try", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk);
    await fill(journal, 0, 2);
    const good = disk.content(pathOf(0)).length;
    disk.log.length = 0;
    disk.freeBytes = 10;
    const append = journal.append([bytesOf("a record that does not fit")]);
    await refusing(disk, (operation) => {
      if (operation !== "truncate") return undefined;
      disk.freeBytes = 1000;
      return { code: "EIO" };
    });
    expect(disk.content(pathOf(0)).length).toBe(good + 10);
    expect(await readAll(await openOn(disk.afterKill()))).toEqual(numbered(0, 2));
    disk.fault = () => undefined;
    await append;
    expect(disk.log.filter((line) => line.startsWith("truncate"))).toHaveLength(1);
    expect(await readAll(journal)).toEqual([...numbered(0, 2), "a record that does not fit"]);
  });

  test("of which any operation may fail costs nothing", async () => {
    const faults = fc.infiniteStream(fc.nat(3));
    await fc.assert(
      fc.asyncProperty(faults, fc.constantFrom("default", "strict"), async (rolls, durability) => {
        const disk = new FakeDisk();
        const journal = await openOn(disk, durability as Durability, 150);
        disk.fault = () => (rolls.next().value === 0 ? { code: "EIO" } : undefined);
        await Promise.all(numbered(0, 12).map((text) => journal.append([bytesOf(text)])));
        await fill(journal, 12, 24);
        disk.fault = () => undefined;
        expect(await readAll(journal)).toEqual(numbered(0, 24));
        const left = durability === "strict" ? disk.afterPowerCut() : disk.afterKill();
        expect(await readAll(await openOn(left))).toEqual(numbered(0, 24));
      }),
      { numRuns: 30 },
    );
  });

  test("or writes short costs nothing", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk, "default", 300);
    let writes = 0;
    disk.fault = (operation) => (operation === "write" ? { shortBy: (++writes * 7) % 19 } : undefined);
    await fill(journal, 0, 30);
    expect(await readAll(await openOn(disk.afterKill()))).toEqual(numbered(0, 30));
  });

  test("rejects what waits when the journal is closed, and keeps what was acknowledged", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk);
    await fill(journal, 0, 3);
    const refused = refusing(disk, (operation) => (operation === "write" ? { code: "EROFS" } : undefined));
    const waiting = [journal.append([bytesOf("x")]), journal.append([bytesOf("y")])];
    const settled = Promise.allSettled(waiting);
    await refused;
    await journal.close();
    expect(await settled).toEqual(
      waiting.map(() => ({
        status: "rejected",
        reason: expect.objectContaining({ code: "STORAGE", message: expect.stringContaining("EROFS") }),
      })),
    );
    disk.fault = () => undefined;
    expect(await readAll(await openOn(disk.afterKill()))).toEqual(numbered(0, 3));
  });

  test("to sync is asked again with everything written anew", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk, "strict");
    let failures = 3;
    disk.fault = (operation) => (operation === "sync" && failures-- > 0 ? { code: "EIO" } : undefined);
    disk.log.length = 0;
    await journal.append([bytesOf("record 0")]);
    // After a failed sync a kernel may call lost pages clean, so a second sync alone proves nothing.
    expect(disk.log.filter((line) => line.startsWith("write"))).toHaveLength(4);
    expect(await readAll(await openOn(disk.afterPowerCut(), "strict"))).toEqual(["record 0"]);
  });
});

test("storageRetryMinMs, storageRetryMaxMs: the pauses between tries double, and grow no more", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const disk = new FakeDisk();
  const limits = engineLimits({ limits: { storageRetryMinMs: 100, storageRetryMaxMs: 300 } });
  const options = { files: disk, directory, limits, durability: "default", salt: 1, boot: "" } as const;
  const journal = await EmbeddedJournal.open(options);
  const triesAtMs: number[] = [];
  disk.fault = (operation) => {
    if (operation !== "write") return undefined;
    triesAtMs.push(Date.now());
    return { code: "EIO" };
  };
  const append = journal.append([bytesOf("late")]);
  await vi.advanceTimersByTimeAsync(1_250);
  const firstMs = triesAtMs[0]!;
  expect(triesAtMs.map((atMs) => atMs - firstMs)).toEqual([0, 100, 300, 600, 900, 1_200]);
  disk.fault = () => undefined;
  await vi.advanceTimersByTimeAsync(300);
  await append;
  await journal.close();
});

test("appends of one turn go out with one write and one sync", async () => {
  const disk = new FakeDisk();
  const journal = await openOn(disk, "strict");
  disk.log.length = 0;
  await Promise.all(numbered(0, 100).map((text) => journal.append([bytesOf(text)])));
  expect(disk.log).toEqual([`write ${segmentName(0)}`, `sync ${segmentName(0)}`]);
});

test("syncIntervalMs: what was appended is synced by itself after a while, and the manifest says so", async () => {
  const disk = new FakeDisk();
  const journal = await openOn(disk, "default", 1 << 20, { syncIntervalMs: 1 });
  const stored = new Promise<void>((resolve) => {
    disk.fault = (operation, path) => {
      if (operation === "syncDirectory" && path === directory) resolve();
      return undefined;
    };
  });
  await fill(journal, 0, 5);
  await stored;
  disk.fault = () => undefined;
  expect(await readAll(await openOn(disk.afterPowerCut()))).toEqual(numbered(0, 5));
  expect(disk.log).toContain(`rename ${MANIFEST_NAME}`);
});

test("a sync that fails in the background is told, tried again, and costs nothing", async () => {
  const disk = new FakeDisk();
  const journal = await openOn(disk, "default", 1 << 20, { syncIntervalMs: 1 });
  const refused = refusing(disk, (operation) => (operation === "sync" ? { code: "EIO" } : undefined), 2);
  await fill(journal, 0, 5);
  await refused;
  expect(journal.stats().fault).toMatch(/cannot be synced.*EIO/);
  expect(journal.stats().faultSinceMs).toBeGreaterThan(0);
  disk.fault = () => undefined;
  await expect.poll(() => journal.stats().fault).toBeNull();
  expect(await readAll(await openOn(disk.afterPowerCut()))).toEqual(numbered(0, 5));
});

test("many writers share few writes and syncs, also across turns", async () => {
  const disk = new FakeDisk();
  const journal = await openOn(disk, "strict");
  disk.log.length = 0;
  const writers = Array.from({ length: 50 }, async (_, writer) => {
    for (let round = 0; round < 20; round++) await journal.append([bytesOf(`${writer}/${round}`)]);
  });
  await Promise.all(writers);
  const syncs = disk.log.filter((line) => line.startsWith("sync "));
  // 1,000 appends; each writer waits for its own before it makes the next.
  expect(syncs.length).toBeLessThanOrEqual(40);
  expect(await readAll(await openOn(disk.afterPowerCut()))).toHaveLength(1000);
});

test("a full disk can be made room on: dropping needs none", async () => {
  const disk = new FakeDisk();
  const journal = await openOn(disk, "default", 200);
  await fill(journal, 0, 40);
  const bases = await segmentsOf(disk);
  disk.freeBytes = 0;
  const waiting = journal.append([bytesOf("when there is room")]);
  await journal.dropBefore(bases.at(-1)!);
  expect(disk.freeBytes).toBeGreaterThan(0);
  await waiting;
  const reopened = await openOn(disk.afterKill(), "default", 200);
  expect((await readAll(reopened)).at(-1)).toBe("when there is room");
});

test("what is dropped is gone after a restart, also when the removal did not happen", async () => {
  const disk = new FakeDisk();
  const journal = await openOn(disk, "default", 200);
  await fill(journal, 0, 40);
  const bases = await segmentsOf(disk);
  disk.fault = (operation) => (operation === "remove" ? { code: "EACCES" } : undefined);
  await expect(journal.dropBefore(bases[3]!)).rejects.toMatchObject({ code: "STORAGE" });
  disk.fault = () => undefined;
  const left = disk.afterKill();
  const reopened = await openOn(left, "default", 200);
  expect(await segmentsOf(left)).toEqual(bases.slice(3));
  expect((await readAll(reopened)).at(-1)).toBe("record 39");
});

test("what could not be removed goes with the next drop, and its readers do not mind", async () => {
  const disk = new FakeDisk();
  const journal = await openOn(disk, "default", 200);
  await fill(journal, 0, 40);
  const bases = await segmentsOf(disk);
  const reading = journal.read()[Symbol.asyncIterator]();
  await reading.next();
  disk.fault = (operation) => (operation === "remove" ? { code: "EACCES" } : undefined);
  await journal.dropBefore(bases[3]!).catch(() => {});
  let read = 1;
  while ((await reading.next()).done !== true) read++;
  expect(read).toBe(40);
  expect(await segmentsOf(disk)).toEqual(bases);
  disk.fault = () => undefined;
  await journal.dropBefore(bases[3]!);
  expect(await segmentsOf(disk)).toEqual(bases.slice(3));
});

test("what is dropped up to a new segment stays until that survives a power cut", async () => {
  const disk = new FakeDisk();
  const journal = await openOn(disk, "default", 200);
  await fill(journal, 0, 3);
  disk.syncTurns = () => 50;
  let newest = 0;
  while (newest === 0) {
    await fill(journal, 3, 4);
    newest = (await segmentsOf(disk)).at(-1)!;
  }
  const cuts: FakeDisk[] = [];
  disk.fault = () => {
    cuts.push(disk.afterPowerCut());
    return undefined;
  };
  await journal.dropBefore(newest + 100);
  disk.fault = () => undefined;
  expect(cuts.length).toBeGreaterThan(3);
  for (const cut of [...cuts, disk.afterPowerCut()]) await readAll(await openOn(cut, "default", 200));
});
