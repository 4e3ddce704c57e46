import {
  encodeFailure,
  type FailureMark,
  type Limits,
  type Range,
  type Ranges,
  RecordWriter,
} from "../../protocol/index.ts";

const texts = {
  quarantined: { name: "Quarantined", fingerprint: "Quarantined: it killed its workers again and again" },
  cancelled: { name: "Cancelled", fingerprint: "Cancelled" },
  disputed: { name: "Disputed", fingerprint: "Disputed: the answers of different people do not agree" },
} as const;

export type HubFailureKind = keyof typeof texts;
export const hubFailureKinds: readonly HubFailureKind[] = Object.freeze([
  "quarantined",
  "cancelled",
  "disputed",
] as const);

/** What a reason may have at most: it stands in the record of each input. */
const REASON_LENGTH_MAX = 256;

export const shortReason = (reason: string): string => reason.slice(0, REASON_LENGTH_MAX);

const recordOf = (kind: HubFailureKind, reason: string): Uint8Array =>
  encodeFailure({ kind, name: texts[kind].name, message: reason, stack: "" });

export const fingerprintOf = (kind: HubFailureKind): string => texts[kind].fingerprint;

/** Failure records for inputs that end without a worker's word. */
export function hubFailures(
  ranges: Ranges,
  kind: HubFailureKind,
  reason: string,
): { failures: FailureMark[]; body: Uint8Array } {
  const { fingerprint } = texts[kind];
  const record = recordOf(kind, reason);
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

/** Cuts ranges into lists whose failure records make up one block each. */
export function* splitFailures(
  ranges: Ranges,
  kind: HubFailureKind,
  reason: string,
  limits: Pick<Limits, "blockBytesTarget">,
): Generator<readonly Range[], void, undefined> {
  const countMax = Math.max(1, Math.floor(limits.blockBytesTarget / recordOf(kind, reason).length));
  let part: Range[] = [];
  let room = countMax;
  for (const [start, end] of ranges) {
    for (let from = start; from < end; ) {
      const to = Math.min(end, from + room);
      part.push([from, to]);
      room -= to - from;
      from = to;
      if (room > 0) continue;
      yield part;
      part = [];
      room = countMax;
    }
  }
  if (part.length > 0) yield part;
}
