/** What needs Node: blobs on disk, and directories that one process has. */
export { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
export { DiskBlobCache } from "./disk-blob-cache.ts";
