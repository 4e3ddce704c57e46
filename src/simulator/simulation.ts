import type { Recorder } from "./environment/meter.ts";
import type { SimulatedJournal } from "./hub/journal.ts";
import type { Hub } from "./hub.ts";
import type { Machine, Tally } from "./machine.ts";
import type { World } from "./world.ts";

/** One simulation under way. */
export interface Simulation {
  readonly world: World;
  readonly hub: Hub;
  readonly journal: SimulatedJournal;
  readonly machines: readonly Machine[];
  readonly tallies: readonly Tally[];
  readonly recorder: Recorder;
}
