import type { Machine } from "../machine.ts";
import { Line } from "./fetcher.ts";
import { type DatasetPlan, folderOf } from "./plan.ts";
import { Shelf } from "./shelf.ts";

/** All datasets of a scenario, and who really has which blocks, which no hub knows for sure. */
export class Archive {
  readonly plans: readonly DatasetPlan[];
  /** The hub's line to the machines. */
  readonly hubLine: Line;
  readonly #byCid: ReadonlyMap<string, DatasetPlan>;
  readonly #shelves = new Map<Machine, Shelf>();
  readonly #byBlock = new Map<string, Set<Machine>>();

  constructor(plans: readonly DatasetPlan[], hubBytesPerSecond: number | undefined) {
    this.plans = plans;
    this.hubLine = new Line(hubBytesPerSecond);
    this.#byCid = new Map(plans.map((plan) => [plan.cid, plan]));
  }

  planOf(cid: string): DatasetPlan {
    return this.#byCid.get(cid)!;
  }

  blocksOf(cid: string): readonly string[] {
    return this.#byCid.get(cid)?.blocks ?? [];
  }

  bytesOf(block: string): number {
    return this.planOf(folderOf(block)).blockBytes;
  }

  get shelves(): ReadonlyMap<Machine, Shelf> {
    return this.#shelves;
  }

  /** The disk of a machine: new where it has none, or lost that. */
  shelfOf(machine: Machine): Shelf {
    const found = this.#shelves.get(machine);
    if (found !== undefined) return found;
    const shelf = new Shelf(machine.population.cacheBytes ?? Number.POSITIVE_INFINITY);
    this.#shelves.set(machine, shelf);
    return shelf;
  }

  /** All that is on it is gone. */
  lose(machine: Machine): void {
    for (const block of this.#shelves.get(machine)?.blocks() ?? []) this.#byBlock.get(block)?.delete(machine);
    this.#shelves.delete(machine);
  }

  /** What a machine has, or has no more. */
  note(machine: Machine, added: readonly string[], dropped: readonly string[]): void {
    for (const block of added) {
      this.#byBlock.set(block, (this.#byBlock.get(block) ?? new Set()).add(machine));
    }
    for (const block of dropped) this.#byBlock.get(block)?.delete(machine);
  }

  /** Who has a block, there or not. */
  holdersOf(block: string): ReadonlySet<Machine> {
    return this.#byBlock.get(block) ?? new Set();
  }

  /** The line of a machine near this one that has a block. */
  neighbour(machine: Machine, block: string): Line | undefined {
    if (machine.population.neighbourBytesPerSecond === undefined) return undefined;
    for (const other of this.holdersOf(block)) {
      if (other !== machine && other.population === machine.population && other.isReachable) {
        return other.stock?.nearLine;
      }
    }
    return undefined;
  }
}
