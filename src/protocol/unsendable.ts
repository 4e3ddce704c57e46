/*
 * The record of an input that is no data: three bytes that no value starts with, then why, as UTF-8. It
 * travels like others, so that the input keeps its index, and becomes a failed result where it would be run.
 */

const START = Uint8Array.of(0xd9, 0xf5, 0x02);
const MESSAGE_BYTES_MAX = 2_000;

export const isUnsendable = (record: Uint8Array): boolean =>
  record[0] === START[0] && record[1] === START[1] && record[2] === START[2];

export function encodeUnsendable(message: string): Uint8Array {
  const text = new TextEncoder().encode(message).subarray(0, MESSAGE_BYTES_MAX);
  const record = new Uint8Array(START.length + text.length);
  record.set(START);
  record.set(text, START.length);
  return record;
}

/** Why it could not be sent. */
export const decodeUnsendable = (record: Uint8Array): string =>
  new TextDecoder().decode(record.subarray(START.length));
