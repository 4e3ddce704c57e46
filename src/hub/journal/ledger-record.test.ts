import { expect, test } from "vitest";
import { decodeLedgerRecord, encodeLedgerRecord, type LedgerRecord } from "./ledger-record.ts";

const spec = {
  job: "j",
  title: "getTable",
  task: { bundle: "b", entry: "export:x", title: "x", timeoutMs: 1000, memoryBytes: 1, net: ["a.org"] },
  options: {
    retries: 1,
    backoffMs: 10,
    maxAttempts: 3,
    priority: -2,
    needs: { arch: "arm64" },
    attached: true,
  },
};

const records: LedgerRecord[] = [
  { type: "submitted", spec, atMs: 12.5 },
  { type: "inputs", job: "j", from: 5, count: 7 },
  { type: "sealed", job: "j" },
  {
    type: "results",
    job: "j",
    worker: "pi",
    ranges: [
      [7, 9],
      [0, 2],
    ],
    failures: [{ at: 1, kind: "error", fingerprint: "TypeError: x" }],
    retries: [{ failures: 1, strikes: 0, ranges: [[3, 4]] }],
  },
  { type: "failed", job: "j", ranges: [[4, 9]], kind: "cancelled", reason: "no" },
  { type: "carve", job: "j", mark: 4096 },
  { type: "ended", job: "j", state: "broken", reason: "why", atMs: 99 },
  {
    type: "ended",
    job: "j",
    state: "done",
    reason: "",
    atMs: 99,
    trust: { replicas: 12, undecided: 0, provisional: 0, rerun: 2 },
  },
];

test("every record survives, with its block", () => {
  for (const record of records) {
    const body = new Uint8Array([1, 2, 3]);
    const decoded = decodeLedgerRecord(encodeLedgerRecord(record, body));
    expect(decoded.record).toEqual(record);
    expect(Uint8Array.from(decoded.body)).toEqual(body);
  }
});

test("what another program wrote is named as damage", () => {
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array(40),
    encodeLedgerRecord({ type: "sealed", job: "j" }).subarray(0, 8),
  ]) {
    expect(() => decodeLedgerRecord(bytes)).toThrow(expect.objectContaining({ code: "JOURNAL_CORRUPT" }));
  }
});
