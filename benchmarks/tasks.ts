import { sha256 } from "@noble/hashes/sha2.js";
import { type BlobHandle, putFile, task } from "musketeers";
import { parse } from "node-html-parser";

/* The work of the comparison, the same as the other systems are given. */

export const noop = task((value: number) => value);

export const echo = task((value: string) => value);

export const nap = task(async (value: number) => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return value;
});

/**
 * A chain of SHA-256 digests; the sum of their first bytes. In JavaScript, so that what is compared is the
 * cluster and not how fast each runtime's own `node:crypto` is (Deno's takes about twice Node's time here).
 */
export function shaChain(seed: number, rounds: number): number {
  let digest: Uint8Array = new TextEncoder().encode(`task-${seed}`);
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    digest = sha256(digest);
    sum += digest[0]!;
  }
  return sum;
}

export const sha = task(({ seed, rounds }: { seed: number; rounds: number }) => shaChain(seed, rounds));

/** Fetches a page and reads the cells of its table. */
export const fetchTable = task(async (url: string) => {
  const response = await fetch(url);
  const rows = parse(await response.text())
    .querySelectorAll("tr")
    .slice(1);
  return rows.map((row) => row.querySelectorAll("td").map((cell) => cell.text));
});

/** Reads a file from its beginning to its end; says how long it is. */
export const readAll = task(async (file: BlobHandle) => {
  let bytes = 0;
  for await (const part of file.stream()) bytes += part.length;
  return bytes;
});

/** So many bytes; not bytesOf, which would cost nothing. */
export const bytesOf = task((length: number) => new Uint8Array(length).fill(7));

/** Bytes of a file that ends with a line, by its lines. */
export const countLines = task(async (file: BlobHandle) => {
  let bytes = 0;
  for await (const line of file.lines()) bytes += line.length + 1;
  return Math.min(bytes, file.size);
});

/** A file of so many bytes. */
export const fillFile = task((bytes: number) => {
  let salt = Math.random();
  function* parts() {
    for (let at = 0; at < bytes; at += 262_144) {
      const part = new Uint8Array(Math.max(4, Math.min(262_144, bytes - at)));
      new DataView(part.buffer).setFloat32(0, salt++);
      yield part;
    }
  }
  return putFile(parts());
});
