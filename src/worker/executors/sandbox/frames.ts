import {
  type FailureKind,
  type FailureMark,
  failureKinds,
  MusketeersError,
  type StageSpec,
} from "../../../protocol/index.ts";

/*
 * What an agent and the process of a sandbox say to each other over a pair of pipes. A frame is its length
 * (4 bytes, little endian, of what follows), its kind (1 byte), its payload. The agent's side checks and
 * bounds everything, because the process runs code of strangers.
 */

export const frameKinds = Object.freeze({
  /** Agent: the task's code; a `LoadOrder`. */
  load: 1,
  /** Agent: records to run. */
  run: 2,
  /** Both: bytes of a file; see `file-frames.ts` for what is said of files. */
  fileBytes: 3,
  /** Both: so many bytes more may come. */
  fileCredit: 4,
  /** Agent: there is nothing more of a file, or why. */
  fileEnd: 5,
  /** Sandbox: the code is loaded. */
  loaded: 16,
  /** Sandbox: results. */
  results: 17,
  /** Sandbox: what the task printed. */
  log: 18,
  /** Sandbox: what the running record saved; all before it are reported. */
  saved: 19,
  /** Sandbox: a piece of a large result. It is whole when its results come, in which it is an empty record. */
  piece: 20,
  /** Sandbox: wants a part of a file. */
  fileOpen: 21,
  /** Sandbox: begins to write a file. */
  fileCreate: 22,
  /** Sandbox: has written a file. */
  fileFinish: 23,
  /** Sandbox: gives a file up that it reads or writes. */
  fileClose: 24,
} as const);

const HEAD_BYTES = 5;

/** The empty frame of a kind with room for a payload, and where the payload starts. */
export function newFrame(kind: number, payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(HEAD_BYTES + payloadBytes);
  new DataView(frame.buffer).setUint32(0, payloadBytes + 1, true);
  frame[4] = kind;
  return frame;
}

/** Puts frames together from a stream of bytes. */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #onFrame: (kind: number, payload: Uint8Array) => void;
  /** A frame, or its head, of which a part has come. */
  #partial: Uint8Array | undefined;
  #filled = 0;

  constructor(bytesMax: number, onFrame: (kind: number, payload: Uint8Array) => void) {
    this.#bytesMax = bytesMax;
    this.#onFrame = onFrame;
  }

  /**
   * Takes bytes in; frames come out as views where a chunk holds them whole.
   * @throws MusketeersError `PROTOCOL` for a length that cannot be.
   */
  push(chunk: Uint8Array): void {
    let offset = this.#complete(chunk);
    if (this.#partial !== undefined) return;
    for (;;) {
      const rest = chunk.length - offset;
      if (rest < HEAD_BYTES) break;
      const bytes = this.#frameBytes(chunk, offset);
      if (rest < bytes) break;
      this.#onFrame(chunk[offset + 4]!, chunk.subarray(offset + HEAD_BYTES, offset + bytes));
      offset += bytes;
    }
    const rest = chunk.subarray(offset);
    if (rest.length === 0) return;
    this.#partial = new Uint8Array(rest.length < HEAD_BYTES ? HEAD_BYTES : this.#frameBytes(rest, 0));
    this.#partial.set(rest);
    this.#filled = rest.length;
  }

  /** Adds what belongs to a frame that has begun to come; says how much of the chunk that is. */
  #complete(chunk: Uint8Array): number {
    let offset = 0;
    while (this.#partial !== undefined) {
      const partial = this.#partial;
      const added = chunk.subarray(offset, offset + partial.length - this.#filled);
      partial.set(added, this.#filled);
      this.#filled += added.length;
      offset += added.length;
      if (this.#filled < partial.length) break;
      const bytes = this.#frameBytes(partial, 0);
      if (bytes > partial.length) {
        this.#partial = new Uint8Array(bytes);
        this.#partial.set(partial);
        continue;
      }
      this.#partial = undefined;
      this.#onFrame(partial[4]!, partial.subarray(HEAD_BYTES));
    }
    return offset;
  }

  #frameBytes(bytes: Uint8Array, offset: number): number {
    const length = new DataView(bytes.buffer, bytes.byteOffset + offset, 4).getUint32(0, true);
    if (length < 1 || length > this.#bytesMax) {
      throw new MusketeersError("PROTOCOL", `A sandbox frame of ${length} bytes`);
    }
    return 4 + length;
  }
}

const text = new TextEncoder();
const untext = new TextDecoder();

/** What a sandbox must know to load a task. */
export interface LoadOrder {
  readonly entry: string;
  readonly progressIntervalMs: number;
  readonly blockBytesTarget: number;
  readonly reportRecordsMax: number;
  readonly valueBytesMax: number;
  readonly stateBytesMax: number;
  readonly logLineBytesMax: number;
  readonly logBytesPerSecondMax: number;
  readonly checkpointIntervalMs: number;
  readonly fileWindowBytes: number;
  /** That the task may use. */
  readonly memoryBytes: number;
  /** Where the task is a stage of a map-reduce. */
  readonly stage?: StageSpec;
}

/** The code goes behind the order, as it is. */
export function encodeLoad(order: LoadOrder, code: Uint8Array): Uint8Array {
  const head = text.encode(JSON.stringify(order));
  const frame = newFrame(frameKinds.load, 4 + head.length + code.length);
  new DataView(frame.buffer).setUint32(HEAD_BYTES, head.length, true);
  frame.set(head, HEAD_BYTES + 4);
  frame.set(code, HEAD_BYTES + 4 + head.length);
  return frame;
}

export function decodeLoad(payload: Uint8Array): { order: LoadOrder; code: string } {
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  return {
    order: JSON.parse(untext.decode(payload.subarray(4, 4 + length))) as LoadOrder,
    code: untext.decode(payload.subarray(4 + length)),
  };
}

/** The head of a run; the block goes behind it, so that nothing is copied. */
export function encodeRunHead(count: number, blockBytes: number, careful: boolean): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES + 5);
  const view = new DataView(head.buffer);
  view.setUint32(0, 1 + 5 + blockBytes, true);
  head[4] = frameKinds.run;
  view.setUint32(HEAD_BYTES, count, true);
  head[HEAD_BYTES + 4] = careful ? 1 : 0;
  return head;
}

export function decodeRun(payload: Uint8Array): { count: number; careful: boolean; block: Uint8Array } {
  const count = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  return { count, careful: payload[4] === 1, block: payload.subarray(5) };
}

export interface ResultsFrame {
  readonly count: number;
  readonly elapsedMs: number;
  /** The next record has begun and waits for something; all before it are reported. */
  readonly pending: boolean;
  readonly failures: readonly FailureMark[];
  readonly block: Uint8Array;
}

const RESULTS_HEAD_BYTES = 17;
const MARK_BYTES = 7;

export function encodeResults(results: ResultsFrame): Uint8Array {
  const marks = results.failures.map((mark) => ({ ...mark, print: text.encode(mark.fingerprint) }));
  const marksBytes = marks.reduce((sum, { print }) => sum + MARK_BYTES + print.length, 0);
  const frame = newFrame(frameKinds.results, RESULTS_HEAD_BYTES + marksBytes + results.block.length);
  const view = new DataView(frame.buffer, HEAD_BYTES);
  view.setUint32(0, results.count, true);
  view.setFloat64(4, results.elapsedMs, true);
  view.setUint8(12, results.pending ? 1 : 0);
  view.setUint32(13, marks.length, true);
  let offset = RESULTS_HEAD_BYTES;
  for (const { at, kind, print } of marks) {
    view.setUint32(offset, at, true);
    view.setUint8(offset + 4, failureKinds.indexOf(kind));
    view.setUint16(offset + 5, print.length, true);
    frame.set(print, HEAD_BYTES + offset + MARK_BYTES);
    offset += MARK_BYTES + print.length;
  }
  frame.set(results.block, HEAD_BYTES + offset);
  return frame;
}

/** What a task may say of its own inputs; the other kinds are the agent's and the hub's. */
const kindsOfTasks: readonly FailureKind[] = ["error", "unserializable", "missing"];
const FINGERPRINT_BYTES_MAX = 512;

/**
 * Takes results apart and checks them; the block's records are not counted yet.
 * @throws MusketeersError `PROTOCOL`, or a `RangeError` where the payload is too short.
 */
export function decodeResults(payload: Uint8Array): ResultsFrame {
  const wrong = (what: string): MusketeersError =>
    new MusketeersError("PROTOCOL", `Sandbox results: ${what}`);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const count = view.getUint32(0, true);
  const elapsedMs = view.getFloat64(4, true);
  const marks = view.getUint32(13, true);
  if (marks > count) throw wrong("more failures than records");
  const failures: FailureMark[] = [];
  let offset = RESULTS_HEAD_BYTES;
  let last = -1;
  for (let index = 0; index < marks; index++) {
    const at = view.getUint32(offset, true);
    const kind = failureKinds[view.getUint8(offset + 4)];
    const length = view.getUint16(offset + 5, true);
    offset += MARK_BYTES;
    if (at <= last || at >= count) throw wrong("failures out of order");
    if (kind === undefined || !kindsOfTasks.includes(kind)) throw wrong("a failure of an unknown kind");
    if (length > FINGERPRINT_BYTES_MAX || offset + length > payload.length) throw wrong("a bad fingerprint");
    failures.push({ at, kind, fingerprint: untext.decode(payload.subarray(offset, offset + length)) });
    offset += length;
    last = at;
  }
  return {
    count,
    elapsedMs: elapsedMs >= 0 && Number.isFinite(elapsedMs) ? elapsedMs : 0,
    pending: view.getUint8(12) === 1,
    failures,
    block: payload.subarray(offset),
  };
}

/** The state's record as it is. */
export function encodeSaved(state: Uint8Array): Uint8Array {
  const frame = newFrame(frameKinds.saved, state.length);
  frame.set(state, HEAD_BYTES);
  return frame;
}

/** Log lines are a packed block of UTF-8 records; before it the number of those that were dropped behind them. */
export function encodeLog(dropped: number, block: Uint8Array): Uint8Array {
  const frame = newFrame(frameKinds.log, 4 + block.length);
  new DataView(frame.buffer).setUint32(HEAD_BYTES, dropped, true);
  frame.set(block, HEAD_BYTES + 4);
  return frame;
}

export function decodeLog(payload: Uint8Array): { dropped: number; block: Uint8Array } {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { dropped: view.getUint32(0, true), block: payload.subarray(4) };
}

/** Results from this size on come in pieces, of this size but for the last. */
export const PIECE_BYTES = 1024 * 1024;

/**
 * The pieces of a large record, in order; each says how large it is as a whole. Each is good until the next
 * one: they share their memory, because a task may have little left.
 */
export function* encodePieces(record: Uint8Array): Generator<Uint8Array, void, undefined> {
  let frame = newFrame(frameKinds.piece, 4 + Math.min(PIECE_BYTES, record.length));
  for (let from = 0; from < record.length; from += PIECE_BYTES) {
    const piece = record.subarray(from, from + PIECE_BYTES);
    if (frame.length !== HEAD_BYTES + 4 + piece.length) frame = newFrame(frameKinds.piece, 4 + piece.length);
    new DataView(frame.buffer).setUint32(HEAD_BYTES, record.length, true);
    frame.set(piece, HEAD_BYTES + 4);
    yield frame;
  }
}

export function decodePiece(payload: Uint8Array): { recordBytes: number; piece: Uint8Array } {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { recordBytes: view.getUint32(0, true), piece: payload.subarray(4) };
}
