import type { Limits } from "../protocol/index.ts";
import type { Auditor } from "./checks/auditor.ts";
import type { Archive } from "./datasets/archive.ts";
import type { Curator } from "./datasets/curator.ts";
import type { Disks } from "./environment/disks.ts";
import type { EventQueue } from "./environment/event-queue.ts";
import type { Traffic } from "./environment/meter.ts";
import type { JobPlan } from "./plan.ts";
import type { Inspector } from "./trust/inspector.ts";
import type { Persona } from "./trust/persona.ts";
import type { CheckMode, Scenario } from "./types.ts";

/** Slot time by what became of it; what is missing to all busy time was lost with its machine. */
export interface Waste {
  useful: number;
  duplicate: number;
  retried: number;
  corrupted: number;
  overhead: number;
  /** Answers of jobs with a quorum that are no results. */
  checking: number;
}

/** What is so just now. */
export interface Census {
  busySlots: number;
  slots: number;
  /** Machines that are on, by population. */
  readonly on: number[];
}

/** What all parts of a simulation share. */
export interface World {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly limits: Limits;
  readonly queue: EventQueue;
  readonly traffic: Traffic;
  readonly plans: readonly JobPlan[];
  readonly planOf: ReadonlyMap<string, JobPlan>;
  readonly auditor: Auditor;
  readonly inspector: Inspector;
  /** Whose each machine is. */
  readonly personas: readonly Persona[];
  readonly waste: Waste;
  readonly census: Census;
  readonly disks: Disks;
  readonly archive: Archive;
  readonly curator: Curator;
  readonly check: CheckMode;
}
