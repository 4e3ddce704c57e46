import { decode, encode } from "cborg";
import { MusketeersError } from "./errors.ts";
import type { Limits } from "./limits.ts";

/*
 * A frame: the length of the header (4 bytes, little endian), the header as
 * CBOR, and the body as it is. Blocks and other bulk travel as the body, which nobody copies or decodes
 * to route it.
 */

const HEADER_LENGTH_BYTES = 4;
const emptyBody = new Uint8Array(0);

export interface RawFrame {
  readonly header: unknown;
  /** A view into the frame. */
  readonly body: Uint8Array;
}

/** Encodes a frame; `header` is plain data. So many bytes before it are left free. */
export function encodeFrame(header: object, body: Uint8Array = emptyBody, bytesBefore = 0): Uint8Array {
  const head = encode(header);
  const at = bytesBefore + HEADER_LENGTH_BYTES;
  const bytes = new Uint8Array(at + head.length + body.length);
  new DataView(bytes.buffer).setUint32(bytesBefore, head.length, true);
  bytes.set(head, at);
  bytes.set(body, at + head.length);
  return bytes;
}

const decodeOptions = { allowIndefinite: false, rejectDuplicateMapKeys: true } as const;

/**
 * Takes a frame apart; the header is not validated yet.
 * @throws MusketeersError `PROTOCOL`, or `LIMIT_EXCEEDED` for a frame or header over its limit.
 */
export function decodeFrame(
  frame: Uint8Array,
  limits: Pick<Limits, "frameBytesMax" | "headerBytesMax">,
): RawFrame {
  if (frame.length > limits.frameBytesMax) {
    throw new MusketeersError("LIMIT_EXCEEDED", `A frame of ${frame.length} bytes is over frameBytesMax`);
  }
  if (frame.length < HEADER_LENGTH_BYTES) throw new MusketeersError("PROTOCOL", "A frame without a header");
  const length = new DataView(frame.buffer, frame.byteOffset, HEADER_LENGTH_BYTES).getUint32(0, true);
  if (length > limits.headerBytesMax) {
    throw new MusketeersError("LIMIT_EXCEEDED", `A header of ${length} bytes is over headerBytesMax`);
  }
  const end = HEADER_LENGTH_BYTES + length;
  if (end > frame.length) throw new MusketeersError("PROTOCOL", "A frame that is cut in its header");
  try {
    return {
      header: decode(frame.subarray(HEADER_LENGTH_BYTES, end), decodeOptions),
      body: frame.subarray(end),
    };
  } catch (cause) {
    throw new MusketeersError("PROTOCOL", `A header that does not decode: ${(cause as Error).message}`, {
      cause,
    });
  }
}
