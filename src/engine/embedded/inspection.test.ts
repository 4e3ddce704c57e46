import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeDisk } from "./disk.fake.ts";
import { type Inspection, inspectJournal } from "./inspection.ts";
import { bytesOf, directory, fill, numbered, openOn, pathOf, readAll, segmentsOf } from "./journal.fake.ts";
import { MANIFEST_NAME } from "./manifest.ts";
import { cutJournal } from "./repair.ts";
import { SEGMENT_HEADER_BYTES, segmentName } from "./segment.ts";

const aside = "/data/aside";
const boot = "monday";
const inspect = (files: FakeDisk): Promise<Inspection> => inspectJournal({ files, directory, boot });
const reopen = (disk: FakeDisk) => openOn(disk, "default", 200, { boot });

/** A journal of several segments: closed, or as `kill -9` leaves it. */
async function journalDisk(end: "closed" | "killed", records = 40): Promise<FakeDisk> {
  const disk = new FakeDisk();
  const journal = await reopen(disk);
  await fill(journal, 0, records);
  if (end === "closed") await journal.close();
  return disk.afterKill();
}

describe("a sound journal", () => {
  test.each(["closed", "killed"] as const)("that was %s is found so, and stays as it is", async (end) => {
    const disk = await journalDisk(end);
    const found = await inspect(disk);
    expect(found).toMatchObject({ damage: [], tornBytes: 0, records: 40, recordsBehind: 0 });
    expect(found.files.length).toBeGreaterThan(4);
    expect(disk.log).not.toContainEqual(expect.stringMatching(/write|truncate|remove|rename/));
  });

  test("may end in a torn write", async () => {
    const disk = await journalDisk("killed");
    const last = (await segmentsOf(disk)).at(-1)!;
    disk.setContent(pathOf(last), new Uint8Array([...disk.content(pathOf(last)), 1, 2, 3]));
    expect(await inspect(disk)).toMatchObject({ damage: [], tornBytes: 3, records: 40 });
  });

  test("is looked at beside its writer up to where that has synced", async () => {
    const disk = await journalDisk("closed");
    const journal = await reopen(disk);
    await journal.append([bytesOf("not synced yet")]);
    const options = { files: disk, directory, boot, inUse: true };
    expect(await inspectJournal(options)).toMatchObject({ damage: [], records: 40 });
  });

  test("may be empty, or not be there yet", async () => {
    const disk = new FakeDisk();
    expect(await inspect(disk)).toMatchObject({ damage: [], records: 0, cut: undefined });
    await (await reopen(disk)).close();
    expect(await inspect(disk)).toMatchObject({ damage: [], records: 0 });
    expect(await inspectJournal({ files: disk, directory, inUse: true })).toMatchObject({ damage: [] });
  });
});

describe("damage", () => {
  test("is named with its file and offset, and what stands before and behind is counted", async () => {
    const disk = await journalDisk("closed");
    const second = (await segmentsOf(disk))[1]!;
    const before = await inspect(disk);
    const bytes = disk.content(pathOf(second)).slice();
    bytes[SEGMENT_HEADER_BYTES + 22]! ^= 1;
    disk.setContent(pathOf(second), bytes);
    const found = await inspect(disk);
    expect(found.damage).toEqual([
      { file: segmentName(second), offset: SEGMENT_HEADER_BYTES, what: expect.stringContaining("check") },
    ]);
    expect(found.records + found.recordsBehind + 1).toBe(before.records);
  });

  test("of all kinds is found by check and start alike, and cut off by a repair", async () => {
    const disk = await journalDisk("closed");
    const bases = await segmentsOf(disk);
    const paths = [...bases.map(pathOf), join(directory, MANIFEST_NAME)];
    const older = await journalDisk("closed", 20);
    const kinds = ["flip", "zero", "truncate", "remove", "swap", "older"] as const;
    const place = fc.record({
      kind: fc.constantFrom(...kinds),
      file: fc.nat(paths.length - 1),
      other: fc.nat(paths.length - 1),
      at: fc.nat(1000),
      bit: fc.nat(7),
    });
    let damaged = 0;
    await fc.assert(
      fc.asyncProperty(place, async ({ kind, file, other, at, bit }) => {
        const left = disk.afterKill();
        const path = paths[file]!;
        const bytes = left.content(path).slice();
        const offset = at % bytes.length;
        if (kind === "flip") bytes[offset]! ^= 1 << bit;
        else if (kind === "zero") bytes.fill(0, offset);
        else if (kind === "swap") left.setContent(paths[other]!, bytes);
        if (kind === "remove") await left.remove(path);
        else if (kind === "truncate") left.setContent(path, bytes.slice(0, offset));
        else if (kind === "swap") left.setContent(path, disk.content(paths[other]!));
        else if (kind === "older") left.setContent(path, older.afterKill().contentOr(path, bytes));
        else left.setContent(path, bytes);

        const found = await inspect(left);
        const opened = await openOn(left.afterKill(), "default", 200, { boot })
          .then(readAll)
          .catch((error: unknown) => {
            expect(error).toMatchObject({
              code: "JOURNAL_CORRUPT",
              message: expect.stringContaining(directory),
            });
            return undefined;
          });
        if (found.damage.length === 0) {
          expect(opened).toEqual(numbered(0, 40));
          return;
        }
        expect(opened).toBeUndefined();
        damaged++;
        const offsetMax = 2000;
        for (const each of found.damage) expect(each.offset).toBeLessThan(offsetMax);
        await cutJournal(found, { files: left, directory, aside, boot });
        const repaired = await openOn(left, "default", 200, { boot });
        const records = await readAll(repaired);
        expect(records).toEqual(numbered(0, found.records));
        expect(await inspect(left.afterKill())).toMatchObject({ damage: [], records: found.records });
        await repaired.append([bytesOf("next")]);
        expect(await readAll(repaired)).toEqual([...records, "next"]);
        // What was damaged is still there, beside.
        expect((await left.list(aside)).length).toBeGreaterThan(0);
      }),
      { numRuns: 400 },
    );
    expect(damaged).toBeGreaterThan(200);
  }, 120_000);

  test("whose repair is interrupted can be repaired again", async () => {
    const disk = await journalDisk("closed");
    const second = (await segmentsOf(disk))[1]!;
    const bytes = disk.content(pathOf(second)).slice();
    bytes[bytes.length - 1]! ^= 1;
    disk.setContent(pathOf(second), bytes);
    const { records } = await inspect(disk);
    for (let failing = 0; ; failing++) {
      const left = disk.afterKill();
      let count = 0;
      let hit = false;
      left.fault = () => {
        hit ||= count === failing;
        return count++ === failing ? { code: "EIO" } : undefined;
      };
      const found = await inspect(left).catch(() => undefined);
      if (found !== undefined) {
        await cutJournal(found, { files: left, directory, aside, boot }).catch(() => {});
      }
      left.fault = () => undefined;
      for (const after of [left.afterKill(), left.afterPowerCut(() => true)]) {
        const again = await inspect(after);
        if (again.damage.length > 0) await cutJournal(again, { files: after, directory, aside, boot });
        expect(await readAll(await openOn(after, "default", 200, { boot }))).toEqual(numbered(0, records));
      }
      if (!hit) break;
    }
  });
});
