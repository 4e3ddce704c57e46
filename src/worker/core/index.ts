/** The worker's state machine: events in, instructions out. No clock, no I/O. */
export { type Claim, Shares, type SharesConfig } from "./shares.ts";
export {
  busySlots,
  newWorkerState,
  presentedLeases,
  type RunningUnit,
  runningUnits,
  type WorkerState,
  waitingLeases,
} from "./state.ts";
export { step } from "./step.ts";
export { taskKey } from "./task-key.ts";
export type { Results, WorkerConfig, WorkerEvent, WorkerInstruction } from "./types.ts";
export { validate } from "./validate.ts";
