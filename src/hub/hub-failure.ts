import { encodeFailure, type FailureMark, type Ranges, RecordWriter } from "../protocol/index.ts";

const texts = {
  quarantined: { name: "Quarantined", fingerprint: "Quarantined: it killed its workers again and again" },
  cancelled: { name: "Cancelled", fingerprint: "Cancelled" },
} as const;

/** Failure records for inputs that end without a worker's word. */
export function hubFailures(
  ranges: Ranges,
  kind: keyof typeof texts,
  message: string,
): { failures: FailureMark[]; body: Uint8Array } {
  const { name, fingerprint } = texts[kind];
  const record = encodeFailure({ kind, name, message, stack: "" });
  const writer = new RecordWriter();
  const failures: FailureMark[] = [];
  for (const [start, end] of ranges) {
    for (let input = start; input < end; input++) {
      failures.push({ at: failures.length, kind, fingerprint });
      writer.push(record);
    }
  }
  return { failures, body: writer.take() };
}
