import {
  CANARY_BASE,
  countOf,
  countRecords,
  decodeResumed,
  eachRecord,
  encodeResumed,
  type FailureMark,
  packRecords,
  type Ranges,
  RecordReader,
} from "../../protocol/index.ts";
import { mix } from "../environment/random.ts";
import { ViolationError } from "./violation.ts";

/*
 * Inputs and results as bytes. An input is its job's number and its index, so that what a worker answers
 * shows what it was asked; the right answer is a mix of both that nobody gets by chance.
 *
 *   input    0x01, job (3 bytes), index (4 bytes); of a partition: and the disk of each segment (3 bytes each)
 *   result   0x02, disk (3 bytes), mix (4 bytes); of a corrupted one the mix is inverted
 *            0x04, mark (3 bytes), mix (4 bytes): a wrong one, with what tells it from other wrong ones
 *            0x05, mark (3 bytes), mix (4 bytes): a right one that is such on one engine only, or of certain rows
 *            Rows of outputs that have a mark: and their disk (3 bytes)
 *   failure  0x03
 *   state    milliseconds worked (8 bytes), job and index (4 bytes each)
 *
 * Bytes are read and written one by one: V8 keeps small arrays on its heap as long as nobody asks for their buffer,
 * which a view or a subarray does.
 */

const RECORD_BYTES = 8;
const RIGHT = 2;
const FAILURE = 3;
const MARKED_WRONG = 4;
const MARKED_RIGHT = 5;
/** Canaries stand at the end of what an index can be in a record: nobody there takes them for anything else. */
const CANARY_INDEX = 0xf000_0000;
const STRIDE = RECORD_BYTES + 1;
const DISK_BYTES = 3;
/** A row of outputs with a mark. */
const MARKED_ROW_BYTES = RECORD_BYTES + DISK_BYTES;

export interface InputId {
  readonly job: number;
  readonly index: number;
  /** What its last attempt had saved: milliseconds of work done. */
  readonly savedMs: number;
  /** Of a partition: where the output of each segment is. */
  readonly disks?: readonly number[];
}

function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

const uint32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

const answerOf = (job: number, index: number): number => mix(0xa5, job, index);

/** The index of an input as its record says it. */
const recordIndexOf = (index: number): number =>
  index >= CANARY_BASE ? CANARY_INDEX + (index - CANARY_BASE) : index;

/** Whether a record's index is that of a canary. */
export const isCanaryIndex = (index: number): boolean => index >= CANARY_INDEX;

/** The digest of the right answer to a canary. */
export const canaryDigest = (job: number, canary: number): string =>
  valueDigest(RIGHT, 0, answerOf(job, CANARY_INDEX + canary));

/** What values are compared by; where outputs went is no part of it. */
const valueDigest = (kind: number, mark: number, answer: number): string => `${kind} ${mark} ${answer}`;

/** One block of inputs, packed. `saved` gives the states of those that have one. */
export function packInputs(
  job: number,
  ranges: Ranges,
  saved: (index: number) => Uint8Array | undefined,
): Uint8Array {
  const count = countOf(ranges);
  const block = new Uint8Array(count * STRIDE);
  let at = 0;
  let resumed: Map<number, Uint8Array> | undefined;
  for (const [start, end] of ranges) {
    for (let index = start; index < end; index++) {
      const state = saved(index);
      if (state !== undefined) resumed = (resumed ?? new Map()).set(at, state);
      block[at++] = RECORD_BYTES;
      putUint32(block, at, (job << 8) | 1);
      putUint32(block, at + 4, recordIndexOf(index));
      at += RECORD_BYTES;
    }
  }
  if (resumed === undefined) return block;
  const records: Uint8Array[] = [];
  for (let from = 0; from < block.length; from += STRIDE) {
    const record = block.subarray(from + 1, from + STRIDE);
    const state = resumed.get(from);
    records.push(state === undefined ? record : encodeResumed(record, state));
  }
  return packRecords(records);
}

/** A unit's inputs in parts of about so many bytes, as the hub sends them. */
export function* partsOf(block: Uint8Array, count: number, bytesTarget: number) {
  if (block.length <= bytesTarget) {
    yield { from: 0, part: count, bytes: block };
    return;
  }
  const reader = new RecordReader(block);
  for (let from = 0; from < count; ) {
    const start = reader.offset;
    let part = 0;
    while (from + part < count && reader.offset - start < bytesTarget) part += reader.skip(1);
    yield { from, part, bytes: block.subarray(start, reader.offset) };
    from += part;
  }
}

/** Goes through a block as `RecordReader` does, but tells where records stand. */
class Cursor {
  readonly block: Uint8Array;
  readonly #reader: RecordReader;
  /** The record is `[start, end)`. */
  start = 0;

  constructor(block: Uint8Array) {
    this.block = block;
    this.#reader = new RecordReader(block);
  }

  get end(): number {
    return this.#reader.offset;
  }

  /** Moves to the next record; false at the end. */
  next(): boolean {
    this.start = this.#reader.offset;
    if (this.#reader.skip(1) === 0) return false;
    while (this.block[this.start++]! >= 0x80);
    return true;
  }
}

/** Reads the inputs of a block, one after the other. */
export class InputReader {
  readonly #cursor: Cursor;

  constructor(block: Uint8Array) {
    this.#cursor = new Cursor(block);
  }

  /** The next input; there must be one. */
  read(): InputId {
    const cursor = this.#cursor;
    cursor.next();
    const { block, start, end } = cursor;
    if (block[start] === 1) {
      const input = inputAt(block, start, 0);
      return end - start === RECORD_BYTES
        ? input
        : { ...input, disks: disksAt(block, start + RECORD_BYTES, end) };
    }
    return readResumed(block.subarray(start, end));
  }
}

const inputAt = (bytes: Uint8Array, at: number, savedMs: number): InputId => ({
  job: uint32At(bytes, at) >>> 8,
  index: uint32At(bytes, at + 4),
  savedMs,
});

const uint24At = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);

/** One byte ahead marks a column, so that one without segments shows as one, too. */
function disksAt(bytes: Uint8Array, start: number, end: number): number[] {
  const disks: number[] = [];
  for (let at = start + 1; at < end; at += DISK_BYTES) disks.push(uint24At(bytes, at));
  return disks;
}

/** The inputs of partitions, packed: each names the disk of each segment. */
export function packPartitions(job: number, ranges: Ranges, disks: readonly number[]): Uint8Array {
  const records: Uint8Array[] = [];
  for (const index of eachInput(ranges)) {
    const record = new Uint8Array(RECORD_BYTES + 1 + disks.length * DISK_BYTES);
    putUint32(record, 0, (job << 8) | 1);
    putUint32(record, 4, index);
    for (const [segment, disk] of disks.entries()) {
      const at = RECORD_BYTES + 1 + segment * DISK_BYTES;
      record[at] = disk;
      record[at + 1] = disk >>> 8;
      record[at + 2] = disk >>> 16;
    }
    records.push(record);
  }
  return packRecords(records);
}

/** Where the outputs are that the results of these segments name; those that failed have none. */
export function* disksOf(
  block: Uint8Array,
  inputs: Ranges,
): Generator<[index: number, disk: number], void, undefined> {
  const cursor = new Cursor(block);
  for (const index of eachInput(inputs)) {
    if (!cursor.next()) return;
    const { start, end } = cursor;
    const disk = diskAt(block, start, end);
    if (disk !== undefined) yield [index, disk];
  }
}

function diskAt(block: Uint8Array, start: number, end: number): number | undefined {
  if (block[start] === RIGHT && end - start === RECORD_BYTES) return uint24At(block, start + 1);
  const isMarked = block[start] === MARKED_WRONG || block[start] === MARKED_RIGHT;
  return isMarked && end - start === MARKED_ROW_BYTES ? uint24At(block, start + RECORD_BYTES) : undefined;
}

function readResumed(record: Uint8Array): InputId {
  const { input, state } = decodeResumed(record);
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  const { job, index } = inputAt(input, 0, 0);
  if (view.getUint32(8, true) !== job || view.getUint32(12, true) !== index) {
    throw new ViolationError("correctness", `input ${index} of job-${job} resumes from the state of another`);
  }
  return { job, index, savedMs: view.getFloat64(0, true) };
}

export function encodeState({ job, index }: InputId, workedMs: number): Uint8Array {
  const state = new Uint8Array(16);
  const view = new DataView(state.buffer);
  view.setFloat64(0, workedMs, true);
  view.setUint32(8, job, true);
  view.setUint32(12, index, true);
  return state;
}

/** `missing`: an output that it was to read is not to be had. */
export type Outcome = "right" | "corrupted" | "threw" | "missing";

/** What an input was answered. */
export interface Answer {
  readonly input: InputId;
  readonly outcome: Outcome;
  /** Answers of one outcome are alike where their marks are; 0: nothing in particular. */
  readonly mark: number;
  /** It is a row of outputs. */
  readonly isRow?: boolean;
}

const isMarkedRow = ({ isRow, mark, outcome }: Answer): boolean =>
  isRow === true && mark > 0 && (outcome === "right" || outcome === "corrupted");

/** Packs the answers to inputs; `disk` is where outputs went, if there are any. */
export function packResults(answers: readonly Answer[], disk: number): Uint8Array {
  let rows = 0;
  for (const answer of answers) if (isMarkedRow(answer)) rows++;
  const block = new Uint8Array(answers.length * STRIDE + rows * DISK_BYTES);
  let start = 0;
  for (const each of answers) {
    const { input, outcome, mark } = each;
    const isLong = isMarkedRow(each);
    block[start] = isLong ? MARKED_ROW_BYTES : RECORD_BYTES;
    if (outcome === "threw" || outcome === "missing") putUint32(block, start + 1, (disk << 8) | FAILURE);
    else if (mark === 0) putUint32(block, start + 1, (disk << 8) | RIGHT);
    else putUint32(block, start + 1, (mark << 8) | (outcome === "right" ? MARKED_RIGHT : MARKED_WRONG));
    const answer = answerOf(input.job, input.index);
    putUint32(block, start + 5, outcome === "corrupted" && mark === 0 ? ~answer : answer);
    start += STRIDE;
    if (!isLong) continue;
    for (let byte = 0; byte < DISK_BYTES; byte++) block[start++] = disk >>> (8 * byte);
  }
  return block;
}

/** Tells what each record of a block of results is, compared with the right answers of these inputs. */
export function judgeResults(
  block: Uint8Array,
  job: number,
  inputs: Ranges,
  tell: (index: number, verdict: Outcome | "wrong") => void,
): void {
  const cursor = new Cursor(block);
  for (const [start, end] of inputs) {
    for (let index = start; index < end && cursor.next(); index++) {
      tell(index, judge(cursor, answerOf(job, index)));
    }
  }
}

function judge({ block, start, end }: Cursor, answer: number): Outcome | "wrong" {
  // A worker core writes what became of a dead sandbox itself, as a failure of the wire.
  const kind = block[start]!;
  if (kind !== RIGHT && kind !== MARKED_WRONG && kind !== MARKED_RIGHT) return "threw";
  const isMarked = kind !== RIGHT;
  if (end - start !== RECORD_BYTES && !(isMarked && end - start === MARKED_ROW_BYTES)) return "wrong";
  const told = uint32At(block, start + 4);
  if (told === answer) return kind === MARKED_WRONG ? "corrupted" : "right";
  return kind === RIGHT && told === ~answer >>> 0 ? "corrupted" : "wrong";
}

/** The digest of an answer, as the hub makes it of its record. */
export function digestOf({ input, outcome, mark }: Answer): string {
  const answer = answerOf(input.job, input.index);
  if (mark > 0) return valueDigest(outcome === "right" ? MARKED_RIGHT : MARKED_WRONG, mark, answer);
  return valueDigest(RIGHT, 0, outcome === "corrupted" ? ~answer >>> 0 : answer);
}

/** What the answers in a block are compared by: values by what they are, failures by their kind. */
export function digestsOf(block: Uint8Array, failures: readonly FailureMark[]): string[] {
  const digests: string[] = [];
  const cursor = new Cursor(block);
  let at = 0;
  while (cursor.next()) {
    const failure = failures[at]?.at === digests.length ? failures[at++] : undefined;
    const { start } = cursor;
    const kind = block[start]!;
    const mark = kind === RIGHT ? 0 : uint24At(block, start + 1);
    digests.push(
      failure === undefined ? valueDigest(kind, mark, uint32At(block, start + 4)) : `failure ${failure.kind}`,
    );
  }
  return digests;
}

/** The inputs of ranges, in their order. */
export function* eachInput(ranges: Ranges): Generator<number, void, undefined> {
  for (const [start, end] of ranges) for (let index = start; index < end; index++) yield index;
}

/** The records of a block at these positions, packed. */
export function pickRecords(block: Uint8Array, positions: Ranges): Uint8Array {
  if (countOf(positions) === countRecords(block)) return block;
  const all = [...eachRecord(block)];
  return packRecords(Array.from(eachInput(positions), (at) => all[at]!));
}
