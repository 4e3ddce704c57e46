import fc from "fast-check";
import { expect, test } from "vitest";
import { asFileValue, type FileRef, fileRefKey, fileRefOf } from "./file-ref.ts";
import { decodeValue, decodeValueWith, encodeValue, filesIn } from "./value.ts";

const cid = `bafkrei${"a".repeat(52)}`;
const refs: fc.Arbitrary<FileRef> = fc
  .record(
    { bytes: fc.maxSafeNat(), name: fc.string(), cuts: fc.tuple(fc.maxSafeNat(), fc.maxSafeNat()) },
    { requiredKeys: ["bytes"] },
  )
  .map(({ bytes, name, cuts }) => {
    const [start = 0, end = 0] = cuts?.map((cut) => cut % (bytes + 1)).sort((a, b) => a - b) ?? [];
    const part = cuts === undefined ? {} : { start, end };
    return { cid, bytes, ...(name === undefined ? {} : { name: name.toWellFormed() }), ...part };
  });

test("a file survives the trip, anywhere in a value, and what it was decoded to encodes to the same again", () => {
  fc.assert(
    fc.property(refs, fc.jsonValue(), (ref, other) => {
      const record = encodeValue({
        list: [asFileValue(ref), other],
        map: new Map([["file", asFileValue(ref)]]),
      });
      const value = decodeValue(record) as { list: object[]; map: Map<string, object> };
      expect([fileRefOf(value.list[0]), fileRefOf(value.map.get("file"))]).toEqual([ref, ref]);
      expect(encodeValue(value)).toEqual(record);
      expect([...filesIn(record)]).toEqual([ref, ref]);
    }),
  );
});

test("whatever has the reference travels as it does, with nothing of its own", () => {
  class Handle {
    readonly own = "thing";
    get [fileRefKey](): FileRef {
      return { cid, bytes: 3 };
    }
  }
  expect(encodeValue(new Handle())).toEqual(encodeValue(asFileValue({ cid, bytes: 3 })));
  expect(decodeValueWith(({ bytes }) => `file of ${bytes}`, encodeValue([new Handle()]))).toEqual([
    "file of 3",
  ]);
  // One call's choice is not another's.
  expect(fileRefOf(decodeValue(encodeValue(new Handle())))).toEqual({ cid, bytes: 3 });
});

test.each([
  { cid: "no cid", bytes: 1 },
  { cid, bytes: -1 },
  { cid, bytes: 1.5 },
  { cid, bytes: 5, start: 2, end: 6 },
  { cid, bytes: 5, start: 3, end: 2 },
  { cid, bytes: 5, name: 7 as unknown as string },
])("a reference that cannot be is refused: %j", (ref) => {
  const record = encodeValue(asFileValue(ref));
  expect(() => decodeValue(record)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
  expect([...filesIn(record)]).toEqual([]);
});
