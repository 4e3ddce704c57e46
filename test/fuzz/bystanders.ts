import { connect } from "../../src/client/index.ts";
import { startWorker } from "../../src/worker/node.ts";
import type { Invites } from "./strangers.ts";
import { LABEL, triple } from "./triple.ts";

/** A client and a worker who keep to the rules, and must not notice that others do not. */
export class Bystanders {
  /** Broken connections and wrong or missing results. */
  disturbed = 0;
  results = 0;
  longestGapMs = 0;
  #over = false;
  #working: Promise<void> = Promise.resolve();
  #leave: () => Promise<void> = async () => {};

  static async at(invites: Invites): Promise<Bystanders> {
    const bystanders = new Bystanders();
    const disturb = () => void bystanders.disturbed++;
    const worker = await startWorker({
      invite: invites.worker,
      slots: 1,
      trust: true,
      labels: [LABEL],
      onEvent: ({ type }) => {
        if (type === "disconnected") disturb();
      },
    });
    const cluster = await connect({ hub: invites.submitter, onRetry: disturb });
    bystanders.#leave = async () => {
      await cluster.close();
      await worker.stop();
    };
    bystanders.#working = bystanders.#work(async (n) => (await cluster.run(triple, n)) === n * 3);
    return bystanders;
  }

  /** Finishes what is under way, and goes. */
  async leave(): Promise<void> {
    this.#over = true;
    await this.#working;
    await this.#leave();
  }

  async #work(isRight: (n: number) => Promise<boolean>): Promise<void> {
    while (!this.#over) {
      const startedMs = performance.now();
      const right = await isRight(this.results).catch(() => false);
      this.longestGapMs = Math.max(this.longestGapMs, performance.now() - startedMs);
      this.results++;
      if (!right) this.disturbed++;
    }
  }
}
