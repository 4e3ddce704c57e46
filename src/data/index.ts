/** Content-addressed data: CIDs, references to blobs, transfer. Runs in Node, Deno and browsers. */
export {
  type BlobRef,
  type BlobStore,
  decodeBlobRef,
  encodeBlobRef,
  inlineOrBlob,
  isBlobRef,
  resolveRecord,
} from "./blob-ref.ts";
export { type BlobCache, CachedBlobs } from "./cached-blobs.ts";
export {
  type CidHasher,
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
export { ByteLru } from "./lru.ts";
export { MemoryBlobCache } from "./memory-blob-cache.ts";
export { BlobClient, type BlobClientOptions } from "./transfer.ts";
