import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";

/** Lets all workers run for some time; every input takes as long as `msOf` says. Gives slot time by job. */
function run(cluster: ScheduledCluster, totalMs: number, msOf: (job: string) => number): Map<string, number> {
  const spent = new Map<string, number>();
  const endMs = cluster.nowMs + totalMs;
  const busyUntilMs = new Map<string, number>();
  while (cluster.nowMs < endMs) {
    for (const worker of cluster.workers) {
      if ((busyUntilMs.get(worker) ?? 0) > cluster.nowMs) continue;
      const last = cluster.leasesOf(worker)[0];
      if (last === undefined) continue;
      const ms = msOf(last.job);
      if (busyUntilMs.has(worker)) {
        cluster.send({
          type: "UnitProgressed",
          worker,
          lease: last.no,
          from: last.reported,
          count: 1,
          failures: [],
          elapsedMs: ms,
          bytes: 1,
          done: last.reported + 1 >= last.keep,
        });
        last.reported++;
        if (last.reported >= last.keep) cluster.leases.delete(last.no);
        spent.set(last.job, (spent.get(last.job) ?? 0) + ms);
      }
      const next = cluster.leasesOf(worker)[0];
      if (next !== undefined) busyUntilMs.set(worker, cluster.nowMs + msOf(next.job));
      else busyUntilMs.delete(worker);
    }
    const nextMs = Math.min(...[...busyUntilMs.values()].filter((ms) => ms > cluster.nowMs), endMs);
    cluster.pass(Math.max(nextMs - cluster.nowMs, 0.01));
  }
  return spent;
}

const share = (spent: Map<string, number>, job: string) =>
  spent.get(job)! / [...spent.values()].reduce((sum, ms) => sum + ms, 0);

test("two jobs share the cluster evenly, however long their inputs take", () => {
  const cluster = new ScheduledCluster().worker("w1").worker("w2");
  cluster.submit("short").append("short", 1e6).submit("long").append("long", 1e6);
  const spent = run(cluster, 60_000, (job) => (job === "short" ? 10 : 130));
  expect(share(spent, "short")).toBeGreaterThan(0.4);
  expect(share(spent, "short")).toBeLessThan(0.6);
});

test("each step of priority doubles a job's share", () => {
  const cluster = new ScheduledCluster().worker("w1").worker("w2");
  cluster
    .submit("high", { priority: 1 })
    .append("high", 1e6)
    .submit("low", { priority: -1 })
    .append("low", 1e6);
  const spent = run(cluster, 120_000, () => 20);
  expect(share(spent, "high")).toBeGreaterThan(0.72);
  expect(share(spent, "high")).toBeLessThan(0.88);
});

test("far apart in priority, far apart in share", () => {
  const cluster = new ScheduledCluster({ fairnessLagMs: 2_000 }).worker("w1").worker("w2");
  cluster.submit("high", { priority: 3 }).append("high", 1e6);
  cluster.submit("low", { priority: -3 }).append("low", 1e6);
  const spent = run(cluster, 200_000, () => 50);
  expect(share(spent, "low")).toBeGreaterThan(0);
  expect(share(spent, "low")).toBeLessThan(0.04);
});

test("a small job that comes after a huge one ends soon", () => {
  const cluster = new ScheduledCluster().worker("w1").worker("w2").submit("huge").append("huge", 1e7);
  run(cluster, 30_000, () => 20);
  cluster.job("small", 50);
  run(cluster, 5_000, () => 20);
  expect(cluster.ended.has("small")).toBe(true);
});

test("who had nothing to do has saved nothing up", () => {
  const cluster = new ScheduledCluster().worker("w1").submit("idle").submit("busy").append("busy", 1e6);
  run(cluster, 60_000, () => 20);
  cluster.append("idle", 1e6);
  const spent = run(cluster, 20_000, () => 20);
  expect(share(spent, "busy")).toBeGreaterThan(0.4);
});

test("fairnessLagMs: what a job could not use before gets it ahead of others by so much at most", () => {
  expect(servedBeside(5_000)).toBeGreaterThan(10_000);
  expect(servedBeside(1e9)).toBeLessThan(10_000);
});

/** Slot time of a job that anybody can run, after another waited for workers that have come now. */
function servedBeside(fairnessLagMs: number): number {
  const cluster = new ScheduledCluster({ fairnessLagMs });
  for (let at = 0; at < 8; at++) cluster.worker(`plain${at}`);
  cluster.submit("plain").append("plain", 1e6);
  cluster.submit("gpu", { needs: { labels: ["gpu"] } }).append("gpu", 1e6);
  run(cluster, 60_000, () => 50);
  for (const worker of [...cluster.workers]) cluster.lose(worker, "left");
  cluster.worker("gpu1", { labels: ["gpu"] });
  const spent = run(cluster, 40_000, () => 50);
  return spent.get("plain") ?? 0;
}

test("of equals the one that was submitted first is served first", () => {
  const cluster = new ScheduledCluster().job("first", 1).job("second", 1).worker("w");
  expect(cluster.leasesOf("w")[0]!.job).toBe("first");
});
