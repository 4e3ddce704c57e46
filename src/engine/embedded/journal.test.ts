import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { engineLimits } from "../options.ts";
import type { JournalEntry } from "../port.ts";
import { FakeDisk, type Operation } from "./disk.fake.ts";
import { type Durability, EmbeddedJournal } from "./journal.ts";
import { MANIFEST_NAME } from "./manifest.ts";
import { baseOfName, SEGMENT_HEADER_BYTES, segmentName } from "./segment.ts";

const directory = "/data/journal";
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const opened: EmbeddedJournal[] = [];

/** Journals of processes that "died" are closed in the end too, on their own disk, which nobody looks at. */
afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close().catch(() => {});
});

async function openOn(disk: FakeDisk, durability: Durability = "default", segmentBytesTarget = 1 << 20) {
  const limits = engineLimits({
    limits: { segmentBytesTarget, storageRetryMinMs: 1, storageRetryMaxMs: 2 },
  });
  const journal = await EmbeddedJournal.open({ files: disk, directory, limits, durability, salt: 12345 });
  opened.push(journal);
  return journal;
}

async function readAll(journal: EmbeddedJournal): Promise<string[]> {
  const entries: JournalEntry[] = [];
  for await (const entry of journal.read()) entries.push(entry);
  return entries.map(({ record }) => textOf(record));
}

const pathOf = (base: number): string => join(directory, segmentName(base));

async function segmentsOf(disk: FakeDisk): Promise<number[]> {
  const names = await disk.list(directory);
  return names.flatMap((name) => baseOfName(name) ?? []).sort((a, b) => a - b);
}

/** Resolves when the disk refused something so many times. */
function refusing(disk: FakeDisk, fault: FakeDisk["fault"], times = 1): Promise<void> {
  let left = times;
  return new Promise((resolve) => {
    disk.fault = (operation, path) => {
      const refusal = fault(operation, path);
      if (refusal !== undefined && --left === 0) resolve();
      return refusal;
    };
  });
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `record ${from + index}`);

async function fill(journal: EmbeddedJournal, from: number, to: number): Promise<void> {
  for (const text of numbered(from, to)) await journal.append([bytesOf(text)]);
}

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
        clean ? undefined : { segment: segmentName(0), offset: before, droppedBytes: length - before },
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

describe("damage", () => {
  /** Opens and reads everything; says what came of it. */
  async function outcome(disk: FakeDisk, segmentBytesTarget?: number): Promise<string[]> {
    const journal = await openOn(disk, "default", segmentBytesTarget);
    return readAll(journal);
  }

  test("of any byte shows, after a clean end", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk);
    await journal.append(["a", "bcd"].map(bytesOf));
    await journal.append(["", "e"].map(bytesOf));
    await journal.close();
    for (const path of [pathOf(0), join(directory, MANIFEST_NAME)]) {
      const whole = disk.content(path);
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const damaged = disk.afterKill();
        const bytes = whole.slice();
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        damaged.setContent(path, bytes);
        await expect(outcome(damaged), `bit ${bit} of ${path}`).rejects.toMatchObject({
          code: "JOURNAL_CORRUPT",
        });
      }
    }
  });

  test("of any byte shows after kill -9 under strict durability, or passes for a torn last batch", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk, "strict");
    const ends = [disk.content(pathOf(0)).length];
    for (const batch of [["a", "bcd"], ["", "e"], ["last"]]) {
      await journal.append(batch.map(bytesOf));
      ends.push(disk.content(pathOf(0)).length);
    }
    const whole = disk.content(pathOf(0));
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = disk.afterKill();
      const bytes = whole.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      damaged.setContent(pathOf(0), bytes);
      if (bit >> 3 < ends[2]!) {
        await expect(outcome(damaged), `bit ${bit}`).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
      } else {
        const reopened = await openOn(damaged, "strict");
        expect(reopened.recovery, `bit ${bit}`).toMatchObject({ offset: ends[2] });
        expect(await readAll(reopened)).toEqual(["a", "bcd", "", "e"]);
      }
    }
  });

  test("names the segment and the offset", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk, "default", 200);
    await fill(journal, 0, 20);
    const bases = await segmentsOf(disk);
    await journal.close();
    const bytes = disk.content(pathOf(bases[1]!)).slice();
    bytes[SEGMENT_HEADER_BYTES + 20]! ^= 1;
    disk.setContent(pathOf(bases[1]!), bytes);
    const reopened = await openOn(disk);
    await expect(readAll(reopened)).rejects.toMatchObject({
      code: "JOURNAL_CORRUPT",
      message: expect.stringContaining(`${segmentName(bases[1]!)}, offset ${SEGMENT_HEADER_BYTES}`),
    });
    await expect(reopened.get(bases[1]! + SEGMENT_HEADER_BYTES)).rejects.toMatchObject({
      code: "JOURNAL_CORRUPT",
    });
    // What is whole can still be had one by one.
    expect(textOf(await reopened.get(bases[2]! + SEGMENT_HEADER_BYTES))).toMatch(/^record/);
  });

  test("of a missing, shortened, longer, swapped or strange segment shows", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk, "default", 200);
    await fill(journal, 0, 40);
    await journal.close();
    const bases = await segmentsOf(disk);
    expect(bases.length).toBeGreaterThan(4);
    const manglings: Record<string, (each: FakeDisk, base: number) => Promise<void> | void> = {
      missing: (each, base) => each.remove(pathOf(base)),
      shortened: (each, base) => each.setContent(pathOf(base), each.content(pathOf(base)).slice(0, -1)),
      longer: (each, base) =>
        each.setContent(pathOf(base), new Uint8Array([...each.content(pathOf(base)), 0])),
      swapped: (each, base) => {
        const other = pathOf(bases.find((candidate) => candidate !== base)!);
        each.setContent(pathOf(base), each.content(other));
      },
    };
    for (const [what, mangle] of Object.entries(manglings)) {
      for (const base of bases) {
        const mangled = disk.afterKill();
        await mangle(mangled, base);
        const isGrownEnd = what === "longer" && base === bases.at(-1);
        const reading = outcome(mangled, 200);
        // Behind the last record more bytes are a torn batch, which was never acknowledged.
        if (isGrownEnd) expect(await reading).toEqual(numbered(0, 40));
        else await expect(reading, `${what} ${base}`).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
      }
    }
  });

  test("of a missing manifest shows", async () => {
    const disk = new FakeDisk();
    await fill(await openOn(disk), 0, 3);
    const left = disk.afterKill();
    await left.remove(join(directory, MANIFEST_NAME));
    await expect(openOn(left)).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
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

test("appends of one turn go out with one write and one sync", async () => {
  const disk = new FakeDisk();
  const journal = await openOn(disk, "strict");
  disk.log.length = 0;
  await Promise.all(numbered(0, 100).map((text) => journal.append([bytesOf(text)])));
  expect(disk.log).toEqual([`write ${segmentName(0)}`, `sync ${segmentName(0)}`]);
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
