/** What needs Node: blobs on disk. */
export { DiskBlobCache } from "./disk-blob-cache.ts";
