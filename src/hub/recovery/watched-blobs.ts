import type { Blobs } from "../../engine/index.ts";
import { MusketeersError } from "../../protocol/index.ts";

/** The same blobs; says which ones turn out to be damaged when they are read. */
export const watchedBlobs = (blobs: Blobs, onDamaged: (cid: string) => void): Blobs => ({
  put: (bytes, options) => blobs.put(bytes, options),
  putBatch: (blocks) => blobs.putBatch(blocks),
  stat: (cid) => blobs.stat(cid),
  touch: (cid) => blobs.touch(cid),
  delete: (cid, unusedSinceMs) => blobs.delete(cid, unusedSinceMs),
  list: () => blobs.list(),
  async *read(cid, range) {
    try {
      yield* blobs.read(cid, range);
    } catch (error) {
      if (error instanceof MusketeersError && error.code === "BLOB_MISMATCH") onDamaged(cid);
      throw error;
    }
  },
});
