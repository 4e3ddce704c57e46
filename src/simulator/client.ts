import { purpose } from "./environment/purpose.ts";
import { draw, seededRandom } from "./environment/random.ts";
import type { Hub } from "./hub.ts";
import type { JobPlan } from "./plan.ts";
import type { World } from "./world.ts";

const RETRY_MS = 500;

/** What somebody has set a job to. */
interface Adjustment {
  readonly paused?: boolean;
  readonly priority?: number;
}

/** Submits the jobs, sends their inputs, and after a hub's crash whatever it lost. */
export class Client {
  readonly #world: World;
  readonly #hub: Hub;
  /** Inputs of each job that are to be there, and whether no more come. */
  readonly #sent: { size: number; sealed: boolean; begun: boolean; set: Adjustment }[];

  constructor(world: World, hub: Hub) {
    this.#world = world;
    this.#hub = hub;
    this.#sent = world.plans.map(() => ({ size: 0, sealed: false, begun: false, set: {} }));
    for (const plan of this.#submissions) world.queue.at(plan.submittedMs, () => this.#begin(plan));
  }

  /** The hub is back: what it does not know (any more) is sent again. */
  reconnect(): void {
    for (const plan of this.#submissions) this.#sync(plan);
  }

  get #submissions(): JobPlan[] {
    return this.#world.plans.filter(({ isStage }) => !isStage);
  }

  #begin(plan: JobPlan): void {
    const { queue, curator } = this.#world;
    const { reads } = plan.scenario;
    if (reads !== undefined && !curator.wasPut(reads.dataset)) {
      queue.after(RETRY_MS, () => this.#begin(plan));
      return;
    }
    this.#sent[plan.number]!.begun = true;
    this.#feed(plan, seededRandom(this.#world.seed, purpose.arrivals, -1, plan.number));
    const { cancelAfterMs, adjusted = [] } = plan.scenario;
    for (const { afterMs, ...change } of adjusted) {
      queue.after(afterMs, () => {
        const sent = this.#sent[plan.number]!;
        sent.set = { ...sent.set, ...change };
        this.#sync(plan);
      });
    }
    if (cancelAfterMs !== undefined) queue.after(cancelAfterMs, () => this.#cancel(plan));
  }

  #feed(plan: JobPlan, random: ReturnType<typeof seededRandom>): void {
    const { feed } = plan.scenario;
    const { inputs } = plan.map ?? plan;
    const sent = this.#sent[plan.number]!;
    sent.size = Math.min(inputs, sent.size + (feed?.inputsPerAppend ?? inputs));
    sent.sealed = sent.size === inputs;
    this.#sync(plan);
    if (!sent.sealed) this.#world.queue.after(draw(feed?.everyMs, random, 0), () => this.#feed(plan, random));
  }

  #cancel(plan: JobPlan): void {
    if (!this.#hub.up) {
      this.#world.queue.after(RETRY_MS, () => this.#cancel(plan));
      return;
    }
    if (this.#hub.intake.readsAtMs > this.#world.queue.nowMs) {
      this.#world.queue.at(this.#hub.intake.readsAtMs, () => this.#cancel(plan));
      return;
    }
    this.#world.auditor.cancelled(plan.number);
    this.#hub.cancel(plan.number);
  }

  /** Brings what the hub has of a job up to what it is to have. */
  #sync(plan: JobPlan): void {
    const { auditor, queue } = this.#world;
    const { size, sealed, begun, set } = this.#sent[plan.number]!;
    if (!begun || !this.#hub.up || auditor.hasEnded(plan.number)) return;
    if (this.#hub.intake.readsAtMs > queue.nowMs) {
      queue.at(this.#hub.intake.readsAtMs, () => this.#sync(plan));
      return;
    }
    const job = plan.spec.job;
    if (!this.#hub.state.jobs.has(job)) {
      // Over already, and about to be stored so.
      if (this.#hub.isEnding(job)) return;
      const isNew = auditor.sizeOf(plan.number) === 0;
      if (plan.map !== undefined && isNew) auditor.inputsAppended(plan.number, plan.inputs, queue.nowMs);
      this.#hub.submit(plan.number);
    }
    this.#hub.adjust(plan.number, set);
    const intake = plan.map ?? plan;
    const known = this.#hub.state.jobs.get(intake.spec.job);
    if (known === undefined) return;
    const missing = size - known.size;
    if (missing > 0) {
      const news = size - auditor.sizeOf(intake.number);
      if (news > 0) auditor.inputsAppended(intake.number, news, queue.nowMs);
      this.#hub.append(plan.number, missing);
    }
    if (sealed && this.#hub.state.jobs.get(intake.spec.job)?.sealed === false) this.#hub.seal(plan.number);
  }
}
