import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cidOfDigest } from "../../src/data/index.ts";
import { readRecordHead, recordBytes } from "../../src/engine/embedded/packs/pack-record.ts";

/* What a hub's data directory holds, read as its disk has it. */

const PACK_HEAD_BYTES = 64;
const RECORD_HEAD_BYTES = 64;

async function* records(data: string) {
  const directory = join(data, "blobs", "packs");
  for (const name of (await readdir(directory)).filter((each) => each.endsWith(".pack"))) {
    const path = join(directory, name);
    const bytes = await readFile(path);
    for (let at = PACK_HEAD_BYTES; at < bytes.length; ) {
      const head = readRecordHead(bytes, at);
      if (head === undefined) throw new Error(`${path} has no record at ${at}`);
      yield { path, bytes, at, head, cid: cidOfDigest(head.digest, head.codec) };
      at += recordBytes(head.bytes);
    }
  }
}

/** The CIDs of all small blobs, in the order in which they were stored. */
export async function storedBlobs(data: string): Promise<string[]> {
  const cids: string[] = [];
  for await (const { cid } of records(data)) cids.push(cid);
  return cids;
}

/** Flips a bit in the middle of a small blob. */
export async function flipStoredBlob(data: string, cid: string): Promise<void> {
  for await (const { path, bytes, at, head, cid: found } of records(data)) {
    if (found !== cid) continue;
    bytes[at + RECORD_HEAD_BYTES + (head.bytes >> 1)]! ^= 1;
    return writeFile(path, bytes);
  }
  throw new Error(`${cid} is in no pack`);
}
