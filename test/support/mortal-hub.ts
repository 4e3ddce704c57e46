import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Cluster, connect } from "../../src/client/index.ts";
import type { Limits } from "../../src/protocol/index.ts";
import { startWorker, type WorkerHandle, type WorkerOptions } from "../../src/worker/node.ts";
import { makeHome, plainScript, type Running, root } from "./program.ts";
import { busyRetention } from "./whole-cluster.ts";

interface Place {
  readonly url: string;
  readonly worker: string;
  readonly submitter: string;
}

/** A hub in a process of its own that can be killed, and started again with the same data and address. */
export class MortalHub {
  readonly #home: string;
  readonly #data: string;
  readonly #limits: Partial<Limits>;
  #running: Running | undefined;
  place!: Place;

  private constructor(home: string, limits: Partial<Limits>, data: string) {
    this.#home = home;
    this.#data = data;
    this.#limits = { ...busyRetention, ...limits };
  }

  static async start(limits: Partial<Limits> = {}, data?: string): Promise<MortalHub> {
    const home = await makeHome();
    const hub = new MortalHub(home, limits, data ?? join(home, "data"));
    await hub.revive();
    return hub;
  }

  async kill(): Promise<void> {
    await this.#running?.stop("SIGKILL");
  }

  async revive(): Promise<void> {
    const listen = this.place === undefined ? "127.0.0.1:0" : new URL(this.place.url).host;
    const options = { listen, data: this.#data, limits: this.#limits };
    const main = join(root, "test", "support", "hub-main.mjs");
    this.#running = plainScript([main, JSON.stringify(options)], this.#home);
    const [line] = await this.#running.until(/^\{.*\}$/m);
    this.place ??= JSON.parse(line) as Place;
  }

  async worker(options: Partial<WorkerOptions> = {}): Promise<WorkerHandle> {
    const worker = await startWorker({ invite: this.place.worker, slots: 1, ...options });
    onTestFinished(() => worker.stop());
    return worker;
  }

  async client(invite = this.place.submitter): Promise<Cluster> {
    const cluster = await connect({ hub: invite });
    onTestFinished(() => cluster.close());
    return cluster;
  }
}
