import { expect } from "vitest";
import type { Hub } from "../hub.ts";
import { jobSpec, numbered, ScriptedPeer } from "./peer.ts";

const LABEL = "bystander";

/** What a job needs that no worker has, so that a bystander's does not run it. */
export const needsNobody = { needs: { labels: ["nobody"] } } as const;

/** A client and a worker of its own, whose work must go on whatever others do to their hub. */
export class Bystander {
  readonly client: ScriptedPeer;
  readonly worker: ScriptedPeer;

  private constructor(client: ScriptedPeer, worker: ScriptedPeer) {
    this.client = client;
    this.worker = worker;
  }

  static async at(hub: Hub): Promise<Bystander> {
    const worker = await ScriptedPeer.worker(hub, { name: LABEL, labels: [LABEL] });
    worker.serve();
    return new Bystander(await ScriptedPeer.client(hub), worker);
  }

  /** How often either lost its connection. */
  get #downs(): number {
    return this.client.downs.length + this.worker.downs.length;
  }

  /** One job from its submission to its end. */
  async works(): Promise<void> {
    await this.during(async () => {});
  }

  /** Gives a job input after input, each awaited with its result, at least until the action is over. */
  async during<T>(action: () => Promise<T>): Promise<T> {
    const { client } = this;
    const downsBefore = this.#downs;
    const spec = jobSpec({ needs: { labels: [LABEL] } });
    const { job } = spec;
    client.submit(spec, 0, false);
    client.watch(job);
    await client.next("accepted", (message) => message.job === job);
    let over = false;
    const acting = action().finally(() => {
      over = true;
    });
    // Whoever awaits it hears of a failure; here it only ends the loop.
    acting.catch(() => {});
    let size = 0;
    do {
      client.send({ type: "inputs", job, from: size, count: 1, sealed: false }, numbered(1, size));
      const { message, body } = await client.next("results", (results) => results.job === job);
      expect([message.ranges, Buffer.compare(body, numbered(1, size))]).toEqual([[[size, size + 1]], 0]);
      size++;
    } while (!over);
    client.send({ type: "inputs", job, from: size, count: 0, sealed: true });
    const { message } = await client.next("ended", (ended) => ended.job === job);
    expect(message).toMatchObject({ state: "done", size, failed: 0 });
    expect(this.#downs).toBe(downsBefore);
    return acting;
  }
}
