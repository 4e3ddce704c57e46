/** Virtual clock, network, disks and volunteers around the real scheduler and worker core. */
export {
  clamp,
  type Distribution,
  exponential,
  logNormal,
  pareto,
  uniform,
  weibull,
} from "./distributions.ts";
export { draw, mix, seededRandom } from "./random.ts";
export { simulate } from "./simulate.ts";
export { type MachineKind, speeds, usualSlots } from "./speeds.ts";
export { type Study, studyOf } from "./study.ts";
export { isShortest, runForgetful, runSwarm, swarmScenario } from "./swarm.ts";
export * from "./theory.ts";
export type * from "./types.ts";
export {
  alternating,
  churn,
  DAY_MS,
  diurnal,
  mortal,
  volunteer,
  volunteerOff,
  volunteerOn,
} from "./volunteers.ts";
