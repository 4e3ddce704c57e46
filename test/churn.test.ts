import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { connect } from "../src/client/index.ts";
import type { WorkerHandle } from "../src/worker/node.ts";
import { testRelay } from "./support/relay.ts";
import { fickle } from "./support/tasks.ts";
import { testHub, testWorker } from "./support/whole-cluster.ts";

/* Volunteers come, leave, vanish and lose their networks all the time; every input gets its one right answer. */

const INPUTS = 2_200;
const deeds = ["join", "join", "leave", "vanish", "cut workers", "cut client", "cut all"] as const;

/** What must come of input n, whoever computed it. */
function expected(n: number): unknown {
  if (n % 17 === 0) return `${n} is one of those`;
  return n % 11 === 0 ? 70_000 + n : -n;
}

test.each(fc.sample(fc.array(fc.constantFrom(...deeds), { minLength: 10, maxLength: 10 }), 2))(
  "%s %s %s %s %s %s %s %s %s %s",
  async (...plan) => {
    const hub = await testHub({ limits: { heartbeatIntervalMs: 200 } });
    const [theirs, ours] = await Promise.all([testRelay(hub.url), testRelay(hub.url)]);
    const workers: WorkerHandle[] = [];
    const join = async () => {
      workers.push(await testWorker(hub, { invite: theirs.through(hub.invite({ role: "worker" })) }));
    };
    const cluster = await connect({ hub: ours.through(hub.invite({ role: "submitter" })) });
    onTestFinished(() => cluster.close());
    await Promise.all([join(), join()]);

    const act = async (deed: (typeof deeds)[number]) => {
      if (deed === "join") await join();
      if (deed === "leave") await workers.shift()?.drain();
      if (deed === "vanish") await workers.shift()?.stop();
      if (deed === "cut workers" || deed === "cut all") theirs.cut();
      if (deed === "cut client" || deed === "cut all") ours.cut();
      if (workers.length === 0) await join();
    };
    const acting: Promise<void>[] = [];
    const times = new Uint8Array(INPUTS);
    let seen = 0;
    for await (const result of cluster.map(fickle, Array.from(times.keys()), { window: 400 })) {
      const { index, value, error } = result;
      times[index]!++;
      const got = error === undefined ? (typeof value === "string" ? value.length : value) : error.message;
      expect(got).toBe(expected(index));
      if (++seen % 200 === 0) acting.push(act(plan[seen / 200 - 1] ?? "join"));
    }
    await Promise.all(acting);
    expect(times.every((time) => time === 1)).toBe(true);
    const [job] = await cluster.jobs();
    expect(job).toMatchObject({ state: "done", done: INPUTS, failed: Math.ceil(INPUTS / 17), retrying: 0 });
  },
);
