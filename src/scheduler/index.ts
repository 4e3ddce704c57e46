/**
 * The scheduler: a pure state machine. Events are facts, effects are what is to be done about them; it reads
 * no clock, draws no random number and does no I/O.
 */

export { RangeSet } from "./inputs/rangeset.ts";
export { finishRecovery, recover, recoverRecord } from "./jobs/recover.ts";
export { type JobSnapshot, jobSnapshot } from "./jobs/snapshot.ts";
export { isStageId, mapStageId, stagesOf, submissionOf } from "./jobs/stages.ts";
export { isDone, jobIds, jobView, people, undecided, workerView } from "./jobs/views.ts";
export { projectLeases } from "./leases/quota.ts";
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
export { createScheduler, type Scheduler } from "./state/state.ts";
export { step } from "./step.ts";
export type * from "./types.ts";
export { validate } from "./validate.ts";
