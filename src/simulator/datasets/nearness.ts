import { pushRange, type Range } from "../../protocol/index.ts";
import type { SchedulerEvent } from "../../scheduler/index.ts";
import type { JobPlan } from "../plan.ts";
import type { World } from "../world.ts";
import type { Custody } from "./custody.ts";

/** Tells the scheduler which workers have the data of which inputs, as the hub's `Locality` does. */
export class Nearness {
  readonly #world: World;
  readonly #custody: Custody;
  readonly #feed: (event: SchedulerEvent) => void;
  readonly #sizes = new Map<JobPlan, number>();

  constructor(world: World, custody: Custody, feed: (event: SchedulerEvent) => void) {
    this.#world = world;
    this.#custody = custody;
    this.#feed = feed;
    custody.onHoldings = (worker, blocks, kept) => this.#holdings(worker, new Set(blocks), kept);
  }

  /** The hub has died. */
  clear(): void {
    this.#sizes.clear();
  }

  /** A job is about to get inputs up to a size. */
  inputs(plan: JobPlan, from: number, size: number): void {
    if (plan.blockOf === undefined || this.#isOff) return;
    this.#sizes.set(plan, size);
    const near = new Map<string, Range[]>();
    for (let index = from; index < size; index++) {
      for (const worker of this.#custody.holdersOf(plan.blockOf(index))) {
        const ranges = near.get(worker) ?? [];
        near.set(worker, ranges);
        pushRange(ranges, index, index + 1);
      }
    }
    for (const [worker, ranges] of near) this.#tell(worker, plan, ranges, true);
  }

  ended(plan: JobPlan): void {
    this.#sizes.delete(plan.map ?? plan);
  }

  get #isOff(): boolean {
    return this.#world.limits.nearInputsMax === 0;
  }

  #holdings(worker: string, blocks: ReadonlySet<string>, kept: boolean): void {
    for (const [plan, size] of this.#sizes) {
      const ranges: Range[] = [];
      for (let index = 0; index < size; index++) {
        if (blocks.has(plan.blockOf!(index))) pushRange(ranges, index, index + 1);
      }
      if (ranges.length > 0) this.#tell(worker, plan, ranges, kept);
    }
  }

  #tell(worker: string, { spec }: JobPlan, ranges: readonly Range[], kept: boolean): void {
    const { nowMs } = this.#world.queue;
    this.#feed({ type: "WorkerHolds", nowMs, worker, job: spec.job, ranges, kept });
  }
}
