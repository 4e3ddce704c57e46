import {
  countOf,
  decodeResumed,
  eachRecord,
  isResumed,
  packRecords,
  type Ranges,
  RecordReader,
} from "../protocol/index.ts";
import { ViolationError } from "./auditor.ts";
import { mix } from "./random.ts";

/*
 * Inputs and results as bytes. An input is its job's number and its index, so that what a worker answers
 * shows what it was asked; the right answer is a mix of both that nobody gets by chance.
 *
 *   input    0x01, job (3 bytes), index (4 bytes)
 *   result   0x02, 0, 0, 0, mix (4 bytes); of a corrupted one the mix is inverted
 *   failure  0x03
 *   state    milliseconds worked (8 bytes), job and index (4 bytes each)
 */

const RECORD_BYTES = 8;
const STRIDE = RECORD_BYTES + 1;

export interface InputId {
  readonly job: number;
  readonly index: number;
  /** What its last attempt had saved: milliseconds of work done. */
  readonly savedMs: number;
}

const answerOf = (job: number, index: number): number => mix(0xa5, job, index);

/** One block of inputs, packed. `saved` gives the states of those that have one. */
export function packInputs(
  job: number,
  ranges: Ranges,
  saved: (index: number) => Uint8Array | undefined,
  resume: (input: Uint8Array, state: Uint8Array) => Uint8Array,
  pack: (records: Uint8Array[]) => Uint8Array,
): Uint8Array {
  const count = countOf(ranges);
  const block = new Uint8Array(count * STRIDE);
  const view = new DataView(block.buffer);
  let at = 0;
  let resumed: Map<number, Uint8Array> | undefined;
  for (const [start, end] of ranges) {
    for (let index = start; index < end; index++) {
      const state = saved(index);
      if (state !== undefined) resumed = (resumed ?? new Map()).set(at, state);
      block[at++] = RECORD_BYTES;
      view.setUint32(at, (job << 8) | 1, true);
      view.setUint32(at + 4, index, true);
      at += RECORD_BYTES;
    }
  }
  if (resumed === undefined) return block;
  const records: Uint8Array[] = [];
  for (let from = 0; from < block.length; from += STRIDE) {
    const record = block.subarray(from + 1, from + STRIDE);
    const state = resumed.get(from);
    records.push(state === undefined ? record : resume(record, state));
  }
  return pack(records);
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

export function readInput(record: Uint8Array): InputId {
  if (isResumed(record)) {
    const { input, state } = decodeResumed(record);
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
    const { job, index } = readInput(input);
    if (view.getUint32(8, true) !== job || view.getUint32(12, true) !== index) {
      throw new ViolationError(
        "correctness",
        `input ${index} of job-${job} resumes from the state of another`,
      );
    }
    return { job, index, savedMs: view.getFloat64(0, true) };
  }
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  return { job: view.getUint32(0, true) >>> 8, index: view.getUint32(4, true), savedMs: 0 };
}

export function encodeState({ job, index }: InputId, workedMs: number): Uint8Array {
  const state = new Uint8Array(16);
  const view = new DataView(state.buffer);
  view.setFloat64(0, workedMs, true);
  view.setUint32(8, job, true);
  view.setUint32(12, index, true);
  return state;
}

export type Outcome = "right" | "corrupted" | "threw";

/** Packs the answers to inputs. */
export function packResults(answers: readonly { input: InputId; outcome: Outcome }[]): Uint8Array {
  const block = new Uint8Array(answers.length * STRIDE);
  const view = new DataView(block.buffer);
  let at = 0;
  for (const { input, outcome } of answers) {
    block[at] = RECORD_BYTES;
    block[at + 1] = outcome === "threw" ? 3 : 2;
    const answer = answerOf(input.job, input.index);
    view.setUint32(at + 5, outcome === "corrupted" ? ~answer : answer, true);
    at += STRIDE;
  }
  return block;
}

/** What each record of a block of results is, compared with the right answers of these inputs. */
export function* judgeResults(
  block: Uint8Array,
  job: number,
  inputs: Iterable<number>,
): Generator<{ index: number; verdict: Outcome | "wrong" }, void, undefined> {
  const reader = new RecordReader(block);
  for (const index of inputs) {
    const record = reader.read();
    if (record === undefined) return;
    yield { index, verdict: judge(record, answerOf(job, index)) };
  }
}

function judge(record: Uint8Array, answer: number): Outcome | "wrong" {
  // A worker core writes what became of a dead sandbox itself, as a failure of the wire.
  if (record[0] !== 2) return "threw";
  if (record.length !== RECORD_BYTES) return "wrong";
  const told = new DataView(record.buffer, record.byteOffset, record.byteLength).getUint32(4, true);
  if (told === answer) return "right";
  return told === ~answer >>> 0 ? "corrupted" : "wrong";
}

/** The inputs of ranges, in their order. */
export function* eachInput(ranges: Ranges): Generator<number, void, undefined> {
  for (const [start, end] of ranges) for (let index = start; index < end; index++) yield index;
}

/** The records of a block at these positions, packed. */
export function pickRecords(block: Uint8Array, positions: Ranges): Uint8Array {
  const all = [...eachRecord(block)];
  if (countOf(positions) === all.length) return block;
  return packRecords(Array.from(eachInput(positions), (at) => all[at]!));
}
