import fc from "fast-check";
import { expect, it } from "vitest";
import {
  decodeOutputs,
  encodeOutputs,
  OUTPUT_BYTES,
  type Output,
  openOutputs,
  outputAt,
  wrapOutputs,
} from "./outputs-row.ts";
import { decodeValue, encodeValue } from "./value.ts";

const output: fc.Arbitrary<Output> = fc.record({
  digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  codec: fc.constantFrom("raw" as const, "dag-pb" as const),
  bytes: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
});

it("gives back what went in, whatever the number of entries", () => {
  fc.assert(
    fc.property(fc.array(fc.option(output, { nil: undefined }), { maxLength: 20 }), (outputs) => {
      const record = encodeOutputs(outputs);
      expect(decodeOutputs(record)).toEqual(outputs);
      expect(decodeOutputs(record, outputs.length)).toEqual(outputs);
    }),
  );
});

it("is the byte string that a task's own bytes would be", () => {
  for (const count of [0, 1, 2, 6, 7, 1638, 1639, 3000]) {
    const entries = new Uint8Array(count * OUTPUT_BYTES);
    const record = wrapOutputs(entries);
    expect(Buffer.compare(record, encodeValue(entries))).toBe(0);
    expect((decodeValue(record) as Uint8Array).length).toBe(entries.length);
    expect(openOutputs(record).length).toBe(entries.length);
  }
});

it("says the layout of an entry: digest, codec, size of seven bytes", () => {
  const digest = Uint8Array.from({ length: 32 }, (_, at) => at);
  const entries = openOutputs(encodeOutputs([undefined, { digest, codec: "dag-pb", bytes: 0x01_02_03 }]), 2);
  expect([...entries.subarray(40)]).toEqual([...digest, 1, 3, 2, 1, 0, 0, 0, 0]);
  expect(outputAt(entries, 0)).toBeUndefined();
});

it("refuses what is no such record", () => {
  const record = encodeOutputs([{ digest: new Uint8Array(32), codec: "raw", bytes: 5 }]);
  const changed = (at: number, byte: number) => {
    const copy = record.slice();
    copy[at] = byte;
    return copy;
  };
  for (const bad of [
    new Uint8Array(0),
    record.subarray(1),
    record.subarray(0, -1),
    changed(0, 0x59),
    changed(1, 41),
    changed(2 + 32, 2),
    changed(2 + 39, 0x20),
    encodeValue("x".repeat(40)),
  ]) {
    expect(() => openOutputs(bad)).toThrowError(expect.objectContaining({ code: "PROTOCOL" }));
    expect(() => openOutputs(bad, 1)).toThrowError(expect.objectContaining({ code: "PROTOCOL" }));
  }
  expect(() => openOutputs(record, 2)).toThrowError(expect.objectContaining({ code: "PROTOCOL" }));
});
