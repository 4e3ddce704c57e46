/* What passes between a worker that follows its hub's version and its keeper. */

/** Tells a worker that its keeper remembers what its volunteer said. */
export const KEPT_VARIABLE = "MUSKETEERS_WORKER_KEPT";

/** What a keeper says to its worker: leave, and finish meanwhile what takes no longer than this. */
export interface LeaveMessage {
  readonly type: "leave";
  readonly graceMs: number;
}
