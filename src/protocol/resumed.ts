import { MusketeersError } from "./errors.ts";

/*
 * A record that is tried again with the state that an earlier attempt saved: three bytes that no value
 * starts with, the input's length (4 bytes, little endian), the input's record, the state's record. The hub
 * puts the two together, the sandbox takes them apart; whoever stands between need not know.
 */

const START = Uint8Array.of(0xd9, 0xf5, 0x01);
const HEAD_BYTES = START.length + 4;

export interface ResumedRecord {
  readonly input: Uint8Array;
  readonly state: Uint8Array;
}

export const isResumed = (record: Uint8Array): boolean =>
  record[0] === START[0] && record[1] === START[1] && record[2] === START[2] && record.length >= HEAD_BYTES;

/** One record of an input's and a state's; what was put together before gets the new state. */
export function encodeResumed(input: Uint8Array, state: Uint8Array): Uint8Array {
  const plain = isResumed(input) ? decodeResumed(input).input : input;
  const record = new Uint8Array(HEAD_BYTES + plain.length + state.length);
  record.set(START);
  new DataView(record.buffer).setUint32(START.length, plain.length, true);
  record.set(plain, HEAD_BYTES);
  record.set(state, HEAD_BYTES + plain.length);
  return record;
}

/** Both parts, as views. @throws MusketeersError `PROTOCOL` */
export function decodeResumed(record: Uint8Array): ResumedRecord {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const end = HEAD_BYTES + (isResumed(record) ? view.getUint32(START.length, true) : Number.NaN);
  if (!(end <= record.length))
    throw new MusketeersError("PROTOCOL", "A record that should be resumed is not");
  return { input: record.subarray(HEAD_BYTES, end), state: record.subarray(end) };
}
