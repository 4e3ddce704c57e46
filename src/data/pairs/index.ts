/** Pairs of keys and values as maps leave them and reduces read them, with what sandboxes need for it. */
export { concatBytes } from "../bytes.ts";
export { cidOfDigest, parseCid } from "../cid.ts";
export { Arena } from "./arena.ts";
export {
  compareBytes,
  decodeKey,
  encodeKey,
  hashBytes,
  type Key,
  partitionOf,
  pushKey,
  TEXT_TAG,
} from "./key.ts";
export { Merge } from "./merge.ts";
export { orderOf } from "./order.ts";
export { beginRun, endRun, pushPair, RUN_HEAD_BYTES, RunCursor, runLength, runsIn } from "./run.ts";
