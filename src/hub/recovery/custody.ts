import type { Blobs } from "../../engine/index.ts";
import type { Limits } from "../../protocol/index.ts";
import { Replicas } from "../../scheduler/index.ts";
import type { Clock } from "../clock.ts";
import type { Datasets } from "../datasets/datasets.ts";
import type { Peers } from "../peers/peers.ts";
import type { Keepers } from "./keepers.ts";
import { watchedBlobs } from "./watched-blobs.ts";

export interface CustodyOptions {
  readonly keepers: Keepers;
  readonly datasets: Datasets;
  readonly peers: Peers;
  readonly limits: Limits;
  readonly clock: Clock;
}

/** What trusted workers keep for the hub: its catalogue, and replicas of datasets. */
export class Custody {
  readonly keepers: Keepers;
  readonly replicas: Replicas;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor({ keepers, datasets, peers, limits, clock }: CustodyOptions) {
    this.keepers = keepers;
    this.replicas = new Replicas({
      limits,
      nowMs: () => clock.nowMs(),
      planIn: (delayMs) => this.#planIn(delayMs),
      datasets: () => datasets.list(),
      isReady: () => !keepers.hearing,
      mayLearn: () => keepers.wasLost,
      held: () => keepers.held(),
      isOwing: (worker) => keepers.isOwing(worker),
    });
    keepers.holdersOf = (cid) => peers.tracker.holdersOf(cid);
    keepers.onHeard = () => this.replicas.plan();
  }

  /** A worker's connection is gone. */
  left(worker: string): void {
    this.keepers.left(worker);
    if (!this.#closed) this.replicas.left(worker);
  }

  /** A dataset was put or removed. */
  changed(name: string): void {
    this.keepers.datasetChanged(name);
    this.replicas.plan();
  }

  /** Blobs of which the damaged ones are fetched back from whoever keeps them. */
  watched(blobs: Blobs): Blobs {
    return watchedBlobs(blobs, (cid) => this.keepers.damaged(cid));
  }

  warnings(): readonly string[] {
    return [...this.keepers.warnings(), ...this.replicas.warnings()];
  }

  close(): void {
    this.keepers.close();
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #planIn(delayMs: number | undefined): void {
    clearTimeout(this.#timer);
    if (delayMs === undefined || this.#closed) return;
    this.#timer = setTimeout(() => this.replicas.plan(), delayMs);
  }
}
