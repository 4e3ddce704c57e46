import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PAGE_BYTES, pageMemory } from "../../../data/index.ts";
import { GroupBytes } from "./group-bytes.ts";
import { blobIn, type RecordContent } from "./pack-record.ts";

const BLOB_BYTES_MAX = 600_000;

/** A blob in whole pages of memory, or anywhere. */
function recordOf(bytes: number, atPage: boolean): RecordContent {
  const blob = atPage ? pageMemory(bytes) : new Uint8Array(bytes + 1).subarray(1);
  for (let at = 0; at < bytes; at += 1000) blob[at] = at % 251;
  if (bytes > 0) blob[bytes - 1] = 7;
  return { key: { digest: createHash("sha256").update(blob).digest(), codec: "raw" }, bytes: blob };
}

const record = fc.record({
  bytes: fc.oneof(
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 5000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: BLOB_BYTES_MAX }) },
    { weight: 4, arbitrary: fc.integer({ min: 30, max: 146 }).map((pages) => pages * PAGE_BYTES) },
  ),
  atPage: fc.boolean(),
  stays: fc.boolean(),
});

test("records are where they are said to be, with zeros between them, whether they are copied or not", () => {
  const group = new GroupBytes(1_000_000, BLOB_BYTES_MAX);
  let referred = 0;
  fc.assert(
    fc.property(fc.array(record, { maxLength: 12 }), (records) => {
      group.clear();
      const added: { readonly at: number; readonly record: RecordContent }[] = [];
      for (const { bytes, atPage, stays } of records) {
        const content = recordOf(bytes, atPage);
        if (!group.hasRoomFor(content)) break;
        const { at, isReferred } = group.add(content, stays);
        if (isReferred) referred++;
        expect(isReferred && !(stays && atPage)).toBe(false);
        added.push({ at, record: content });
      }
      const whole = Math.ceil(group.bytes / PAGE_BYTES) * PAGE_BYTES;
      const bytes = Buffer.concat(group.pieces(whole));
      expect(bytes.length).toBe(whole);
      expect(Buffer.compare(Buffer.concat(group.pieces()), bytes.subarray(0, group.bytes))).toBe(0);
      let end = 0;
      for (const { at, record: content } of added) {
        expect(at % 64).toBe(0);
        expect(bytes.subarray(end, at).every((byte) => byte === 0)).toBe(true);
        const found = blobIn(bytes.subarray(at), content.key);
        expect(found !== undefined && Buffer.compare(found, content.bytes) === 0).toBe(true);
        end = at + 64 + content.bytes.length;
      }
      expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
    }),
    { numRuns: 60 },
  );
  expect(referred).toBeGreaterThan(0);
});

test("there is room for the largest blob in any case", () => {
  for (const atPage of [true, false]) {
    const bytes = 147 * PAGE_BYTES;
    const group = new GroupBytes(1000, bytes);
    expect(group.hasRoomFor(recordOf(bytes, atPage))).toBe(true);
  }
});
