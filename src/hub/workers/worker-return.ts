import type { PresentedLease } from "../../protocol/index.ts";
import type { LeaseDescriptor } from "../../scheduler/index.ts";

/** A lease that a worker presents and that is one of this hub's. */
export interface ProvenLease extends PresentedLease {
  readonly descriptor: LeaseDescriptor;
}

/** How a worker comes back. */
export interface Return {
  readonly proven: readonly ProvenLease[];
  /** What it was called on its connections of before. */
  readonly replaces: readonly string[];
}
