/** Content-addressed data: CIDs, references to blobs, transfer. Runs in Node, Deno and browsers. */
export { answerDigest } from "./answer-digest.ts";
export { BatchIntake, unpackBlocks } from "./batch-intake.ts";
export {
  type BlobStore,
  decodeBlobRef,
  encodeBlobRef,
  inlineOrBlob,
  isBlobRef,
  resolveRecord,
} from "./blob-ref.ts";
export { type BatchBlock, BLOCK_HEADER_BYTES, blockHeader, packBlocks } from "./block-batch.ts";
export { BlockFetcher } from "./block-fetcher.ts";
export { blockFiles, decodeWithHandles } from "./block-files.ts";
export { BlockSender } from "./block-sender.ts";
export type { BlockSink, BlockSource, NamedChunk } from "./block-store.ts";
export { BlockUpload } from "./block-upload.ts";
export { bytesBehind, concatBytes } from "./bytes.ts";
export { type BlobCache, CachedBlobs, type CacheWatcher } from "./cached-blobs.ts";
export { exportCar, importCar } from "./car.ts";
export { ChunkPool } from "./chunk-pool.ts";
export {
  type Codec,
  cidOf,
  cidOfDigest,
  codecOf,
  createCidHasher,
  createHasherFor,
  isCid,
  isNamedBy,
  parseCid,
} from "./cid.ts";

export { bodyOf, type HubAnswer, HubExchange, type HubFetch } from "./hub-exchange.ts";
export { ByteLru } from "./lru.ts";
export { allowManyListeners } from "./many-listeners.ts";
export { MemoryBlobCache } from "./memory-blob-cache.ts";
export { isWholePages, PAGE_BYTES, pageMemory } from "./page-memory.ts";
export {
  compareBytes,
  decodeKey,
  type Key,
  Merge,
  RunCursor,
} from "./pairs/index.ts";
export * from "./readers/index.ts";
export { refsIn } from "./refs-in.ts";
export { BlobClient } from "./transfer.ts";
export {
  buildFile,
  type ChunkOptions,
  chunkBytesOf,
  FileBuilder,
} from "./unixfs/file-builder.ts";
export {
  fileBytes,
  fileChunks,
  fileLeaves,
  readFile,
} from "./unixfs/file-reader.ts";
export {
  resolvePath,
  statNode,
  walkEntries,
  walkFiles,
} from "./unixfs/folder-reader.ts";
export { decodeNode, type Entry, type Node } from "./unixfs/node.ts";
export { pathParts, TreeBuilder } from "./unixfs/tree-builder.ts";
