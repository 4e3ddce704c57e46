import { MusketeersError } from "../../protocol/index.ts";
import type { Piece } from "./record-windows.ts";

/** A byte order mark belongs to no text; it is one at the beginning of a file only. */
const MARK = "\uFEFF";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The text of a piece that does not cut characters.
 * @throws MusketeersError `INVALID_DATA` for what is no UTF-8, unless `isLossy`.
 */
export function textOf({ bytes, offset }: Piece, isLossy: boolean, name: string): string {
  let text: string;
  try {
    text = (isLossy ? lossy : strict).decode(bytes);
  } catch (cause) {
    throw new MusketeersError(
      "INVALID_DATA",
      `${name}: the bytes at ${offset + validLength(bytes)} are no UTF-8`,
      { hint: "Read it with { lossy: true }, as bytes, or convert it to UTF-8.", cause },
    );
  }
  return offset === 0 && text.startsWith(MARK) ? text.slice(MARK.length) : text;
}

/** How many bytes from the beginning are good UTF-8. */
function validLength(bytes: Uint8Array): number {
  const isGood = (length: number) => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let [good, bad] = [0, bytes.length];
  // What a stream's end cuts is no error in a stream, so all of it may pass.
  if (isGood(bad)) return trimmedLength(bytes);
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (isGood(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

/** Where the character begins that the end of the bytes cuts. */
function trimmedLength(bytes: Uint8Array): number {
  let at = bytes.length;
  while (at > 0 && (bytes[at - 1]! & 0xc0) === 0x80) at--;
  return Math.max(0, at - 1);
}

/** The lines of a text that begins where a line does, without their ends. */
export function linesOf(text: string): string[] {
  const lines = text.includes("\r") ? text.split(/\r?\n/) : text.split("\n");
  // Behind the last line's end no line begins.
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
