import { MemoryBlobCache } from "../../data/index.ts";

/** Blobs that a tab keeps, in memory: a browser's own storage is slow, and not ours to fill. */
export const newTabCache = ({ tabCacheBytesMax }: { readonly tabCacheBytesMax: number }): MemoryBlobCache =>
  new MemoryBlobCache({ bytesMax: tabCacheBytesMax });
