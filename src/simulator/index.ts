/** Virtual clock, network, disks and volunteers around the real scheduler and worker core. */
export { draw, mix, seededRandom } from "./random.ts";
export { simulate } from "./simulate.ts";
export { runSwarm, swarmScenario } from "./swarm.ts";
export type * from "./types.ts";
