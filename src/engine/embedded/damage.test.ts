import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FakeDisk } from "./disk.fake.ts";
import {
  bytesOf,
  directory,
  fill,
  numbered,
  openOn,
  pathOf,
  readAll,
  segmentsOf,
  textOf,
} from "./journal.fake.ts";
import { MANIFEST_NAME } from "./manifest.ts";
import { SEGMENT_HEADER_BYTES, segmentName } from "./segment.ts";

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

  test("of any byte shows after kill -9 as long as the machine runs on, a torn last batch does not", async () => {
    const disk = new FakeDisk();
    const sameBoot = { boot: "monday" };
    const journal = await openOn(disk, "default", 1 << 20, sameBoot);
    for (const batch of [
      ["a", "bcd"],
      ["", "e"],
      ["last", "of all"],
    ]) {
      await journal.append(batch.map(bytesOf));
    }
    const whole = disk.content(pathOf(0));
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = disk.afterKill();
      const bytes = whole.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      damaged.setContent(pathOf(0), bytes);
      await expect(openOn(damaged, "default", 1 << 20, sameBoot), `bit ${bit}`).rejects.toMatchObject({
        code: "JOURNAL_CORRUPT",
      });
    }
    for (let length = whole.length - 1; length > whole.length - 50; length--) {
      const torn = disk.afterKill();
      torn.setContent(pathOf(0), whole.slice(0, length));
      const reopened = await openOn(torn, "default", 1 << 20, sameBoot);
      expect(reopened.recovery, `${length} bytes`).toMatchObject({ lostRecords: 0 });
      expect(await readAll(reopened)).toEqual(["a", "bcd", "", "e"]);
    }
  });

  test("that a power cut explains is cut off, and what stood behind it is counted", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk, "default", 1 << 20, { boot: "monday" });
    await fill(journal, 0, 10);
    const bytes = disk.content(pathOf(0)).slice();
    const frameBytes = (bytes.length - SEGMENT_HEADER_BYTES) / 10;
    bytes.fill(0, SEGMENT_HEADER_BYTES + 4 * frameBytes, SEGMENT_HEADER_BYTES + 6 * frameBytes);
    const left = disk.afterKill();
    left.setContent(pathOf(0), bytes);
    await expect(openOn(left, "default", 1 << 20, { boot: "monday" })).rejects.toMatchObject({
      code: "JOURNAL_CORRUPT",
    });
    const reopened = await openOn(left, "default", 1 << 20, { boot: "tuesday" });
    expect(reopened.recovery).toMatchObject({ droppedBytes: 6 * frameBytes, lostRecords: 4 });
    expect(await readAll(reopened)).toEqual(numbered(0, 4));
  });

  test("of a newest segment that the manifest does not name yet shows", async () => {
    const disk = new FakeDisk();
    const sameBoot = { boot: "monday" };
    const journal = await openOn(disk, "default", 200, sameBoot);
    await fill(journal, 0, 3);
    disk.fault = (operation, path) =>
      operation === "rename" && path.endsWith(MANIFEST_NAME) ? { code: "EIO" } : undefined;
    while ((await segmentsOf(disk)).length < 2) await fill(journal, 3, 6);
    const newest = pathOf((await segmentsOf(disk)).at(-1)!);
    const left = disk.afterKill();
    const bytes = left.content(newest).slice();
    expect(bytes.length).toBeGreaterThan(SEGMENT_HEADER_BYTES);
    bytes[9]! ^= 1;
    left.setContent(newest, bytes);
    disk.fault = () => undefined;
    await expect(openOn(left, "default", 200, sameBoot)).rejects.toMatchObject({
      code: "JOURNAL_CORRUPT",
      message: expect.stringContaining("header"),
    });
  });

  test("cannot be made of records that look like frames", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk);
    await fill(journal, 0, 1);
    // Of numbers like these every place looks like the head of a frame with a megabyte.
    await journal.append([new Uint8Array(new Uint32Array(2_000_000).fill(1_000_000).buffer)]);
    const left = disk.afterKill();
    const bytes = left.content(pathOf(0));
    left.setContent(pathOf(0), bytes.slice(0, -1));
    const reopened = await openOn(left);
    expect(reopened.recovery).toMatchObject({ lostRecords: 0 });
    expect(await readAll(reopened)).toEqual(numbered(0, 1));
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

  test("is one thing, a disk that cannot read another", async () => {
    const disk = new FakeDisk();
    const journal = await openOn(disk);
    await fill(journal, 0, 3);
    disk.readFault = () => "EIO";
    await expect(readAll(journal)).rejects.toMatchObject({ code: "STORAGE" });
    await expect(journal.get(SEGMENT_HEADER_BYTES)).rejects.toMatchObject({ code: "STORAGE" });
    disk.readFault = () => undefined;
    expect(await readAll(journal)).toEqual(numbered(0, 3));
  });

  test("is not what an older version wrote: that is said", async () => {
    const disk = new FakeDisk();
    await (await openOn(disk)).close();
    const path = join(directory, MANIFEST_NAME);
    const { boot: _boot, ...older } = JSON.parse(textOf(disk.content(path)).slice(9)) as { boot: string };
    const text = JSON.stringify(older);
    disk.setContent(path, bytesOf(`${crc32(text).toString(16).padStart(8, "0")} ${text}\n`));
    await expect(openOn(disk)).rejects.toMatchObject({
      code: "JOURNAL_CORRUPT",
      message: expect.stringContaining("older version"),
      hint: expect.stringContaining("empty data directory"),
    });
  });
});
