import { MusketeersError } from "../../protocol/index.ts";
import type { Arena } from "./arena.ts";

/*
 * How pairs rest in files. A *pair* is a key and a value, each behind its length (LEB128). Pairs in the order
 * of their keys are a *run*; pairs of the same key stand in the order in which they were emitted. What a
 * reduce gives is a file of one run, nothing else in it. What a map gives is a file of one or more runs, each
 * behind its length (4 bytes, little endian).
 */

/** Bytes of the length in front of a run. */
export const RUN_HEAD_BYTES = 4;

const malformed = (what: string): MusketeersError =>
  new MusketeersError("PROTOCOL", `Malformed pairs: ${what}`);

/** Appends the head of a run; its length is written by `endRun`. Gives where it begins. */
export function beginRun(arena: Arena): number {
  const start = arena.length;
  arena.reserve(RUN_HEAD_BYTES);
  arena.length += RUN_HEAD_BYTES;
  return start;
}

/** Writes the length of the run that began at `start`. */
export function endRun(arena: Arena, start: number): void {
  runLengthView(arena.bytes, start).setUint32(0, arena.length - start - RUN_HEAD_BYTES, true);
}

const runLengthView = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer, bytes.byteOffset + at, 4);

/** The length of the run whose head stands at `at`. @throws MusketeersError `PROTOCOL` */
export function runLength(bytes: Uint8Array, at: number): number {
  if (at + RUN_HEAD_BYTES > bytes.length) throw malformed("cut in a run's head");
  return runLengthView(bytes, at).getUint32(0, true);
}

/** The runs of a file that is there as a whole. @throws MusketeersError `PROTOCOL` */
export function runsIn(bytes: Uint8Array): Uint8Array[] {
  const runs: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at + RUN_HEAD_BYTES;
    at = start + runLength(bytes, at);
    if (at > bytes.length) throw malformed("cut in a run");
    runs.push(bytes.subarray(start, at));
  }
  return runs;
}

export function pushPair(arena: Arena, key: Uint8Array, value: Uint8Array): void {
  arena.pushVarint(key.length);
  arena.push(key);
  arena.pushVarint(value.length);
  arena.push(value);
}

const nothing = new Uint8Array(0);
const LENGTH_BYTES_MAX = 6;

/** Walks the pairs of a run that comes piece by piece, or is there as a whole. */
export class RunCursor {
  /** Views of the pair at hand. */
  key: Uint8Array = nothing;
  value: Uint8Array = nothing;
  readonly #pieces: AsyncIterator<Uint8Array> | undefined;
  readonly #pairBytesMax: number;
  #bytes: Uint8Array;
  #at = 0;
  #read = 0;
  #whole: boolean;

  /** @param pairBytesMax what a single pair may have */
  constructor(source: Uint8Array | AsyncIterable<Uint8Array>, pairBytesMax = Number.MAX_SAFE_INTEGER) {
    this.#whole = source instanceof Uint8Array;
    this.#bytes = source instanceof Uint8Array ? source : nothing;
    this.#pieces = source instanceof Uint8Array ? undefined : source[Symbol.asyncIterator]();
    this.#pairBytesMax = pairBytesMax;
  }

  /**
   * Steps to the next pair; false at the end. A promise where bytes have to come first.
   * The views of the pair before stay good.
   * @throws MusketeersError `PROTOCOL`, or what reading throws
   */
  next(): boolean | Promise<boolean> {
    if (this.#take()) return true;
    if (this.#whole) {
      if (this.#at < this.#bytes.length) throw malformed("cut in a pair");
      return false;
    }
    return this.#nextSlow();
  }

  /** Ends the transfer where there is one. */
  async close(): Promise<void> {
    this.#whole = true;
    this.#bytes = nothing;
    this.#at = 0;
    await this.#pieces?.return?.();
  }

  async #nextSlow(): Promise<boolean> {
    for (;;) {
      const piece = await this.#pieces!.next();
      if (piece.done === true) this.#whole = true;
      else this.#append(piece.value);
      if (this.#take()) return true;
      if (!this.#whole) continue;
      if (this.#at < this.#bytes.length) throw malformed("cut in a pair");
      return false;
    }
  }

  #append(piece: Uint8Array): void {
    const rest = this.#bytes.subarray(this.#at);
    if (rest.length > this.#pairBytesMax) {
      throw new MusketeersError("LIMIT_EXCEEDED", `A pair has more than ${this.#pairBytesMax} bytes`);
    }
    this.#at = 0;
    if (rest.length === 0) {
      this.#bytes = piece;
      return;
    }
    const bytes = new Uint8Array(rest.length + piece.length);
    bytes.set(rest);
    bytes.set(piece, rest.length);
    this.#bytes = bytes;
  }

  /** Takes the next pair where it is there as a whole. */
  #take(): boolean {
    const keyLength = this.#length(this.#at);
    if (keyLength < 0) return false;
    const keyStart = this.#read;
    const keyEnd = keyStart + keyLength;
    if (keyEnd >= this.#bytes.length) return false;
    const valueLength = this.#length(keyEnd);
    if (valueLength < 0) return false;
    const valueStart = this.#read;
    const valueEnd = valueStart + valueLength;
    if (valueEnd > this.#bytes.length) return false;
    this.key = this.#bytes.subarray(keyStart, keyEnd);
    this.value = this.#bytes.subarray(valueStart, valueEnd);
    this.#at = valueEnd;
    return true;
  }

  /** Reads a length; -1 where it is cut. Leaves in `#read` what stands behind it. */
  #length(from: number): number {
    let length = 0;
    let factor = 1;
    for (let at = from; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at]!;
      length += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        this.#read = at + 1;
        return length;
      }
      if (at - from >= LENGTH_BYTES_MAX) throw malformed("a length that is none");
      factor *= 0x80;
    }
    return -1;
  }
}
