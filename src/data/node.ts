/** What needs Node: blobs on disk, directories that one process has, threads that name chunks. */
export { buffersMoved, movingBuffers } from "./buffers-moved.ts";
export { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
export { DiskBlobCache, fileBytesOnDisk } from "./disk-blob-cache.ts";
export { namedChunksOf } from "./naming-threads.ts";
