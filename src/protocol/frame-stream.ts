import { crc32 } from "./crc32.ts";
import { MusketeersError } from "./errors.ts";
import { decodeFrame, encodeFrame, type RawFrame } from "./frame.ts";
import type { Limits } from "./limits.ts";

/*
 * The frames of one direction of one connection. Each has a CRC-32 (4 bytes, little endian) before it, of
 * its bytes and seeded with its number: what a middlebox damaged, lost, repeated or swapped shows, although
 * WebSocket's own framing may be whole.
 */

const CHECK_BYTES = 4;

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Encodes the frames of a connection, in the order in which they are sent. */
export class FrameSender {
  #number = 0;

  encode(header: object, body?: Uint8Array): Uint8Array {
    const bytes = encodeFrame(header, body, CHECK_BYTES);
    viewOf(bytes).setUint32(0, crc32(bytes.subarray(CHECK_BYTES), this.#number++), true);
    return bytes;
  }
}

/** Decodes the frames of a connection, in the order in which they come. */
export class FrameReceiver {
  #number = 0;

  /**
   * The header is not validated yet; the body is a view into the bytes.
   * @throws MusketeersError `PROTOCOL`, or `LIMIT_EXCEEDED` for a frame or header over its limit.
   */
  decode(bytes: Uint8Array, limits: Pick<Limits, "frameBytesMax" | "headerBytesMax">): RawFrame {
    const frame = bytes.subarray(CHECK_BYTES);
    if (bytes.length < CHECK_BYTES || viewOf(bytes).getUint32(0, true) !== crc32(frame, this.#number++)) {
      throw new MusketeersError("PROTOCOL", "A frame that was damaged, lost or repeated on its way");
    }
    return decodeFrame(frame, limits);
  }
}
