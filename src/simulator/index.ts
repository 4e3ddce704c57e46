/** Virtual clock, network, disks and volunteers around the real scheduler and worker core. */

export { draw, mix, seededRandom } from "./environment/random.ts";
export {
  clamp,
  type Distribution,
  exponential,
  logNormal,
  pareto,
  uniform,
  weibull,
} from "./scenarios/distributions.ts";
export { type MachineKind, speeds, usualSlots } from "./scenarios/speeds.ts";
export { type Study, studyOf } from "./scenarios/study.ts";
export { isShortest, runForgetful, runSwarm, swarmScenario } from "./scenarios/swarm.ts";
export * from "./scenarios/theory.ts";
export {
  alternating,
  churn,
  DAY_MS,
  diurnal,
  mortal,
  volunteer,
  volunteerOff,
  volunteerOn,
} from "./scenarios/volunteers.ts";
export { simulate } from "./simulate.ts";
export type * from "./types.ts";
