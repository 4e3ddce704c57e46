import type { Engine } from "../engine/index.ts";
import type { Limits } from "../protocol/index.ts";
import type { Scheduler } from "../scheduler/index.ts";
import type { Tracer } from "../tracing/index.ts";
import type { Clock } from "./clock.ts";
import type { Credit } from "./credit/index.ts";
import type { Datasets } from "./datasets/datasets.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Leftover } from "./journal/leftovers.ts";
import type { LeaseSeal } from "./leases/lease-seal.ts";
import type { Projects } from "./projects/projects.ts";
import type { Accounts } from "./recovery/accounts.ts";
import type { Keepers } from "./recovery/keepers.ts";
import type { People } from "./trust/index.ts";
import type { CallHost } from "./views/call-host.ts";

/** What a coordinator is made of: what was read from the disk, and what it works with. */
export interface CoordinatorOptions {
  readonly engine: Engine;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly seal: LeaseSeal;
  readonly scheduler: Scheduler;
  readonly jobs: Jobs;
  readonly datasets: Datasets;
  readonly projects: Projects;
  readonly keepers: Keepers;
  readonly credit: Credit;
  readonly people: People;
  readonly accounts: Pick<Accounts, "onPerson">;
  /** Records of the journal that the start read one by one. */
  readonly recordsRead: number;
  /** What it read of shuffles that had ended. */
  readonly leftovers: readonly Leftover[];
  /** Where traces are asked for. */
  readonly tracer: Tracer | undefined;
  readonly callHost: CallHost;
  /** Something that must not happen did; the hub stops rather than go on wrongly. */
  readonly onFault: (error: unknown) => void;
}
