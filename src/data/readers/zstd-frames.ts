import { defaultLimits, MusketeersError } from "../../protocol/index.ts";

/*
 * Where frames of zstd end, and what they ask for before anything is unpacked (RFC 8878, 3.1). A decoder sets memory
 * aside for what a frame's head says, up to some gigabytes for a file of forty bytes.
 */

const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const RUN_LENGTH = 1;
const CHECKSUM_FLAG = 4;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_BYTES = [0, 2, 4, 8];

type State = "magic" | "skippable" | "descriptor" | "head" | "block" | "checksum" | "over" | "unknown";

/** Little endian. */
const numberOf = (bytes: readonly number[]): number =>
  bytes.reduceRight((number, byte) => number * 256 + byte, 0);

/** Looks at frames as they go by; other errors are the decoder's to find. */
export class ZstdFrames {
  readonly #name: string;
  readonly #windowBytesMax: number;
  #state: State = "magic";
  /** What is gathered of a head, and how long it is. */
  #gathered: number[] = [];
  #wanted = 4;
  #skip = 0;
  #descriptor = 0;

  constructor(name: string, windowBytesMax = defaultLimits.unpackWindowBytesMax) {
    this.#name = name;
    this.#windowBytesMax = windowBytesMax;
  }

  /** Whether what comes, or has just ended, is a frame with a checksum of its content. */
  get hasChecksum(): boolean {
    return (this.#descriptor & CHECKSUM_FLAG) !== 0;
  }

  /** The lower half of the content's XXH64, once such a frame has ended. */
  checksum = 0;

  /** Whether a frame has just ended. */
  get isOver(): boolean {
    return this.#state === "over" && this.#skip === 0;
  }

  /**
   * Looks on, from a place in a chunk.
   * @returns where the frame ends, or the chunk
   * @throws MusketeersError `LIMIT_EXCEEDED` for a frame that wants more memory than it may
   */
  look(chunk: Uint8Array, from: number): number {
    if (this.isOver) this.#await("magic", 4);
    let at = from;
    while (at < chunk.length && this.#state !== "unknown") {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at);
        this.#skip -= step;
        at += step;
      } else {
        this.#gathered.push(chunk[at++]!);
        if (this.#gathered.length < this.#wanted) continue;
        const gathered = this.#gathered;
        this.#gathered = [];
        this.#step(gathered);
      }
      if (this.isOver) return at;
    }
    return chunk.length;
  }

  #await(state: State, wanted: number): void {
    this.#state = state;
    this.#wanted = wanted;
  }

  #step(gathered: readonly number[]): void {
    const number = numberOf(gathered);
    const isSingle = (this.#descriptor & 0x20) !== 0;
    switch (this.#state) {
      case "magic":
        if (number === FRAME) this.#await("descriptor", 1);
        else if (number - (number % 16) === SKIPPABLE) this.#await("skippable", 4);
        else this.#await("unknown", 0);
        return;
      case "skippable":
        this.#skip = number;
        this.#await("magic", 4);
        return;
      case "descriptor": {
        this.#descriptor = number;
        const single = (number & 0x20) !== 0;
        const content = CONTENT_BYTES[number >>> 6]! || (single ? 1 : 0);
        this.#await("head", (single ? 0 : 1) + DICTIONARY_BYTES[number & 3]! + content);
        return;
      }
      case "head":
        this.#check(isSingle ? contentBytes(gathered, this.#descriptor) : windowBytes(gathered[0]!));
        this.#await("block", 3);
        return;
      case "block": {
        const isLast = (number & 1) !== 0;
        this.#skip = ((number >>> 1) & 3) === RUN_LENGTH ? 1 : number >>> 3;
        if (!isLast) this.#await("block", 3);
        else if (this.hasChecksum) this.#await("checksum", 4);
        else this.#await("over", 0);
        return;
      }
      case "checksum":
        this.checksum = number;
        this.#await("over", 0);
        return;
      default:
    }
  }

  #check(bytes: number): void {
    if (bytes <= this.#windowBytesMax) return;
    const reason = `${this.#name} asks for ${bytes} bytes of memory to be unpacked (unpackWindowBytesMax)`;
    throw new MusketeersError("LIMIT_EXCEEDED", reason, { hint: "Pack it again without `zstd --long`." });
  }
}

function contentBytes(head: readonly number[], descriptor: number): number {
  const content = head.slice(DICTIONARY_BYTES[descriptor & 3]!);
  return numberOf(content) + (content.length === 2 ? 256 : 0);
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}
