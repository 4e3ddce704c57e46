import type { LeaseDescriptor, LeaseNo } from "../../scheduler/index.ts";

/** A lease as the shell knows it. */
export interface OpenLease {
  readonly lease: LeaseNo;
  readonly id: string;
  readonly descriptor: LeaseDescriptor;
  /** Reported so far. */
  reported: number;
  readonly count: number;
  /** Somebody else has the same inputs. */
  readonly copy: boolean;
  /** Where somebody looks at it. */
  readonly trace?: string | undefined;
}
