import { MusketeersError } from "../protocol/index.ts";

/**
 * Why something that was asked for is not wanted any more. Nobody hears of it. Made once: an `abort` without a
 * reason makes an exception with a stack each time, which costs more than reading a small block.
 */
export const left = new MusketeersError("JOB_CANCELLED", "Nobody waits for it any more");
