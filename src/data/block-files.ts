import type { FileRef } from "../protocol/index.ts";
import { decodeValueWith } from "../protocol/index.ts";
import { BlobHandle } from "./blob-handle.ts";
import type { BlockSource } from "./block-store.ts";
import type { FileReader } from "./file-store.ts";
import { readFile } from "./unixfs/file-reader.ts";

/** Files as they are read out of blocks. */
export const blockFiles = (blocks: BlockSource): FileReader => ({
  readFile: (ref, options) => readFile(ref, blocks, options),
});

/** Decodes a value; files in it are handles that read from these blocks. */
export function decodeWithHandles(record: Uint8Array, blocks: BlockSource): unknown {
  return decodeValueWith((ref: FileRef) => new BlobHandle(ref, blockFiles(blocks)), record);
}
