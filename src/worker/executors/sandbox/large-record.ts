import { MusketeersError, prefixBytes } from "../../../protocol/index.ts";
import { decodePiece } from "./frames.ts";

/** A large result while its pieces come: a block of its own, so that nothing is copied when it is whole. */
export class LargeRecord {
  readonly #recordBytes: number;
  /** Packed: the record behind its length. */
  readonly block: Uint8Array;
  #filled: number;

  /** @throws MusketeersError `PROTOCOL` for a size over the limit. */
  constructor(recordBytes: number, bytesMax: number) {
    if (recordBytes === 0 || recordBytes > bytesMax) {
      throw new MusketeersError("PROTOCOL", `A result of ${recordBytes} bytes`);
    }
    this.#recordBytes = recordBytes;
    this.#filled = prefixBytes(recordBytes);
    this.block = new Uint8Array(this.#filled + recordBytes);
    let rest = recordBytes;
    for (let at = 0; at < this.#filled; at++) {
      this.block[at] = at === this.#filled - 1 ? rest : (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
  }

  get whole(): boolean {
    return this.#filled === this.block.length;
  }

  /** @throws MusketeersError `PROTOCOL`, or a `RangeError` where the payload is too short. */
  add(payload: Uint8Array): void {
    const { recordBytes, piece } = decodePiece(payload);
    const left = this.block.length - this.#filled;
    if (recordBytes !== this.#recordBytes || piece.length === 0 || piece.length > left) {
      throw new MusketeersError("PROTOCOL", "A piece that does not fit its result");
    }
    this.block.set(piece, this.#filled);
    this.#filled += piece.length;
  }
}
