import type { Hub } from "./hub.ts";
import type { SimulatedJournal } from "./journal.ts";
import type { Machine, Tally } from "./machine.ts";
import type { Recorder } from "./meter.ts";
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
