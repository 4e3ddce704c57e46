import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";
import { jobView, mapStageId } from "../index.ts";

const pause = (job: string, paused = true) => ({ type: "JobAdjusted", job, paused }) as const;
const one = { unitInputsMax: 1, prefetchUnitsMax: 0 };

/** Reports all that is under lease once, a second later: units of one input. */
function turn(cluster: ScheduledCluster): string[] {
  cluster.pass(1_000).heartbeat();
  const block = { from: 0, count: 1, failures: [], elapsedMs: 1_000, bytes: 1, done: true };
  return [...cluster.leases.values()].map(({ no: lease, job, worker }) => {
    cluster.leases.delete(lease);
    cluster.send({ type: "UnitProgressed", worker, lease, ...block });
    return job;
  });
}

test("of a paused job what runs is finished and nothing is leased, whoever comes or vanishes", () => {
  const cluster = new ScheduledCluster(one).worker("w", { slots: 2 }).job("job", 10, { maxAttempts: 9 });
  cluster.send(pause("job")).worker("other");
  expect(cluster.effectsOf("RecordAdjustment").length + cluster.leasesOf("other").length).toBe(0);
  expect(jobView(cluster.state, "job")).toMatchObject({ paused: true, waiting: "", running: 2 });
  const [first] = cluster.leasesOf("w");
  cluster.report("w", { lease: first!.no }).lose("w").pass(60_000);
  expect(cluster.leases.size).toBe(0);
  expect(jobView(cluster.state, "job")).toMatchObject({ done: 1, waiting: "it is paused", state: "running" });
  cluster.worker("third").send(pause("job", false));
  expect(cluster.leasesOf("third").length).toBe(1);
  expect(jobView(cluster.state, "job")).toMatchObject({ paused: false, waiting: "" });
});

test("what is said twice is recorded once", () => {
  const cluster = new ScheduledCluster().job("job", 10);
  cluster.send({ type: "JobAdjusted", job: "job", paused: true, priority: 3 });
  expect(cluster.effectsOf("RecordAdjustment")).toMatchObject([{ paused: true, priority: 3 }]);
  cluster.send({ type: "JobAdjusted", job: "job", priority: 3 });
  expect(cluster.effects).toEqual([]);
  cluster.send({ type: "JobAdjusted", job: "nobody's", paused: true });
  expect(cluster.effects).toEqual([]);
});

test("a paused job is neither trimmed nor copied", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 100).report("w", { ms: 10_000 });
  expect(cluster.leasesOf("w").length).toBeGreaterThan(0);
  cluster.send(pause("job")).worker("idle");
  for (let beat = 0; beat < 30; beat++) cluster.pass(5_000).heartbeat();
  expect(cluster.leasesOf("idle")).toEqual([]);
  cluster.send(pause("job", false));
  expect(cluster.leasesOf("idle").length).toBeGreaterThan(0);
});

test("a paused job ends when all of it was running, and when it is cancelled", () => {
  const cluster = new ScheduledCluster(one).worker("w").job("job", 1).job("other", 5);
  cluster.send(pause("job")).send(pause("other")).report("w");
  expect(cluster.ended.get("job")?.state).toBe("done");
  cluster.send({ type: "JobCancelled", job: "other", reason: "" });
  expect(cluster.ended.get("other")?.state).toBe("cancelled");
});

test("pause and priority survive a restart", () => {
  const cluster = new ScheduledCluster(one).job("job", 10);
  cluster.send({ type: "JobAdjusted", job: "job", paused: true, priority: -2 });
  cluster.restart().worker("w").pass(10_000).heartbeat();
  expect(cluster.leasesOf("w")).toEqual([]);
  expect(jobView(cluster.state, "job")).toMatchObject({ paused: true, priority: -2 });
  cluster.send(pause("job", false));
  expect(cluster.leasesOf("w").length).toBe(1);
});

test("of a shuffle both stages are paused", () => {
  const cluster = new ScheduledCluster(one).job("job", 2, { partitions: 3 }).worker("w");
  cluster.report("w").send(pause("job")).report("w");
  expect(cluster.results.get(mapStageId("job"))!.size).toBe(2);
  expect(cluster.leasesOf("w")).toEqual([]);
  cluster.send(pause("job", false));
  expect(cluster.leasesOf("w")[0]!.descriptor.job).toBe("job");
});

test("who was paused has saved nothing up: right after it goes on it gets its share, no more", () => {
  const cluster = new ScheduledCluster(one)
    .worker("w", { slots: 4 })
    .job("paused", 1_000)
    .job("other", 1_000);
  for (let at = 0; at < 5; at++) turn(cluster);
  cluster.send(pause("paused"));
  for (let at = 0; at < 50; at++) turn(cluster);
  cluster.send(pause("paused", false));
  turn(cluster);
  const served = Array.from({ length: 10 }, () => turn(cluster)).flat();
  const share = served.filter((job) => job === "paused").length / served.length;
  expect(share).toBeGreaterThan(0.4);
  expect(share).toBeLessThan(0.6);
});

test("a changed priority counts from then on, whatever was under lease", () => {
  const cluster = new ScheduledCluster(one).worker("w", { slots: 6 }).job("a", 10_000).job("b", 10_000);
  for (let at = 0; at < 5; at++) turn(cluster);
  const shareOfA = (priority: number) => {
    cluster.send({ type: "JobAdjusted", job: "a", priority });
    // What was given before the change is reported first.
    turn(cluster);
    const served = Array.from({ length: 30 }, () => turn(cluster)).flat();
    return served.filter((job) => job === "a").length / served.length;
  };
  expect(shareOfA(1)).toBeCloseTo(2 / 3, 1);
  expect(shareOfA(-1)).toBeCloseTo(1 / 3, 1);
  expect(shareOfA(4)).toBeCloseTo(16 / 17, 1);
  expect(shareOfA(0)).toBeCloseTo(1 / 2, 1);
});
