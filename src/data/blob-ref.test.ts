import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeValue } from "../protocol/index.ts";
import {
  type BlobStore,
  decodeBlobRef,
  encodeBlobRef,
  inlineOrBlob,
  isBlobRef,
  resolveRecord,
} from "./blob-ref.ts";
import { cidOf } from "./cid.ts";

function store(): BlobStore & { blobs: Map<string, Uint8Array> } {
  const blobs = new Map<string, Uint8Array>();
  return {
    blobs,
    get: async (cid) => blobs.get(cid)!,
    put: async (bytes) => {
      blobs.set(cidOf(bytes), bytes);
      return cidOf(bytes);
    },
  };
}

test("a reference survives the trip and starts with its two bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.maxSafeNat(), (content, bytes) => {
      const record = encodeBlobRef(cidOf(content), bytes);
      expect([...record.subarray(0, 2)]).toEqual([0xd8, 0x2a]);
      expect(isBlobRef(record)).toBe(true);
      expect(decodeBlobRef(record)).toEqual({ cid: cidOf(content), bytes });
    }),
  );
});

test("no value of a user's looks like one", () => {
  fc.assert(
    fc.property(
      fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true }),
      (value) => {
        let record: Uint8Array;
        try {
          record = encodeValue(value);
        } catch {
          return;
        }
        expect(isBlobRef(record)).toBe(false);
      },
    ),
  );
});

test("a malformed reference is refused", () => {
  const whole = encodeBlobRef(cidOf(new Uint8Array(3)), 3);
  const tagged = (value: unknown) => new Uint8Array([0xd8, 0x2a, ...encodeValue(value)]);
  const cid = cidOf(new Uint8Array(3));
  const wrong = [
    ...Array.from({ length: whole.length }, (_, length) => whole.slice(0, length)),
    new Uint8Array([...whole, 0]),
    tagged([cid]),
    tagged([cid, -1]),
    tagged([cid, 1.5]),
    tagged([cid, 3, 3]),
    tagged(["no cid", 3]),
    tagged({ 0: cid, 1: 3 }),
    encodeValue([cid, 3]),
  ];
  for (const record of wrong) {
    expect(() => decodeBlobRef(record)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
  }
});

test("a record is replaced only when it is over the limit, and comes back the same", async () => {
  const blobs = store();
  const small = encodeValue("x".repeat(98));
  const large = encodeValue("x".repeat(99));
  expect(small.length).toBe(100);
  expect(inlineOrBlob(small, blobs, 100)).toBe(small);
  expect(resolveRecord(small, blobs)).toBe(small);
  const reference = await inlineOrBlob(large, blobs, 100);
  expect(decodeBlobRef(reference)).toEqual({ cid: cidOf(large), bytes: 101 });
  expect(await resolveRecord(reference, blobs)).toEqual(large);
});

test("a blob that is not what the reference says is refused", async () => {
  const blobs = store();
  const value = encodeValue("value");
  const cid = cidOf(value);
  blobs.blobs.set(cid, encodeValue("other"));
  await expect(resolveRecord(encodeBlobRef(cid, value.length), blobs)).rejects.toMatchObject({
    code: "BLOB_MISMATCH",
  });
  blobs.blobs.set(cid, value);
  await expect(resolveRecord(encodeBlobRef(cid, value.length + 1), blobs)).rejects.toMatchObject({
    code: "BLOB_MISMATCH",
  });
  const nested = encodeBlobRef(cid, value.length);
  const outer = encodeBlobRef(await blobs.put(nested), nested.length);
  await expect(resolveRecord(outer, blobs)).rejects.toMatchObject({ code: "PROTOCOL" });
});
