import type { JobId, SchedulerRecord } from "../../scheduler/index.ts";

/** What the hub stores: records of the scheduler, and states that unfinished inputs saved. */
export type Stored =
  | SchedulerRecord
  /** On which disk the outputs of segments are. */
  | {
      readonly type: "rows";
      readonly job: JobId;
      readonly rows: readonly (readonly [segment: number, disk: number])[];
    }
  | { readonly type: "saved"; readonly job: JobId; readonly index: number; readonly state: Uint8Array };
