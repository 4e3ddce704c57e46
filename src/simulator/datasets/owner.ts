import type { Hub } from "../hub.ts";
import type { World } from "../world.ts";
import type { DatasetPlan } from "./plan.ts";

const RETRY_MS = 500;
/** Between two looks at whether something has to be given up. */
const LOOK_MS = 10_000;

/** Whoever puts datasets and removes them; tries again while the hub is away. */
export class Owner {
  readonly #world: World;
  readonly #hub: Hub;

  constructor(world: World, hub: Hub) {
    this.#world = world;
    this.#hub = hub;
    for (const plan of world.archive.plans) {
      world.queue.at(plan.putMs, () => this.#put(plan));
      if (plan.removeMs < Number.POSITIVE_INFINITY) world.queue.at(plan.removeMs, () => this.#remove(plan));
    }
    const { diskLostAtMs, damagedAtMs, lostRemoved = true } = world.scenario.hub ?? {};
    if (lostRemoved && (diskLostAtMs ?? damagedAtMs) !== undefined) this.#look();
  }

  /** Its owner removes what is lost for good. */
  #look(): void {
    const { curator, queue } = this.#world;
    const { custody } = this.#hub;
    if (this.#isServed) {
      for (const plan of curator.beyondHelp(custody)) {
        custody.remove(plan);
        curator.givenUp(plan);
      }
    }
    queue.after(LOOK_MS, () => this.#look());
  }

  get #isServed(): boolean {
    return this.#hub.up && this.#hub.intake.readsAtMs <= this.#world.queue.nowMs;
  }

  #put(plan: DatasetPlan): void {
    if (!this.#isServed) {
      this.#world.queue.after(RETRY_MS, () => this.#put(plan));
      return;
    }
    this.#hub.custody.put(plan);
    this.#world.curator.put(plan);
  }

  #remove(plan: DatasetPlan): void {
    const { custody } = this.#hub;
    const { curator, queue } = this.#world;
    const state = curator.stateOf(plan);
    if (state === "lost") return;
    const row = custody.rows.find(({ cid }) => cid === plan.cid);
    if (state === "to come" || !this.#isServed || row === undefined) {
      queue.after(RETRY_MS, () => this.#remove(plan));
      return;
    }
    custody.remove(plan);
    curator.removed(plan, row);
  }
}
