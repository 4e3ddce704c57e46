/**
 * The scheduler: a pure state machine. Events are facts, effects are what is to be done about them; it reads
 * no clock, draws no random number and does no I/O.
 */

export { projectLeases } from "./quota.ts";
export { RangeSet } from "./rangeset.ts";
export { finishRecovery, recover, recoverRecord } from "./recover.ts";
export { isWithin, mergeCatalogue, type Span } from "./replicas/hearsay.ts";
export {
  afterAdoption,
  afterHearing,
  afterLoss,
  afterPublishing,
  type CatalogueMarks,
  type CatalogueSpan,
  isNews,
  noMarks,
  putsAfter,
  sharedOrders,
  unheardBy,
  unsaidBy,
} from "./replicas/recovery.ts";
export { type ReplicaHost, Replicas } from "./replicas/replicas.ts";
export { type Lack, Wholeness } from "./replicas/wholeness.ts";
export { type JobSnapshot, jobSnapshot } from "./snapshot.ts";
export { isStageId, mapStageId, stagesOf, submissionOf } from "./stages.ts";
export { createScheduler, type Scheduler } from "./state.ts";
export { step } from "./step.ts";
export type * from "./types.ts";
export { validate } from "./validate.ts";
export { isDone, jobIds, jobView, people, undecided, workerView } from "./views.ts";
