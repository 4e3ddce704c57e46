import { expect, test } from "vitest";
import { listOf, ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";
import type { Range } from "../../protocol/index.ts";

/** Inputs of one job that are leased one by one, because nobody knows how long they take. */
function clusterOf(inputs: number): ScheduledCluster {
  return new ScheduledCluster({ unitInputsMax: 1, prefetchUnitsMax: 0 }).submit("job").append("job", inputs);
}

const holds = (cluster: ScheduledCluster, worker: string, ranges: Range[], kept = true) =>
  cluster.send({ type: "WorkerHolds", worker, job: "job", ranges, kept });

/** The inputs that a worker has under lease. */
const leased = (cluster: ScheduledCluster, worker: string) =>
  cluster.leasesOf(worker).flatMap(({ descriptor }) => listOf(descriptor.ranges));

/** Lets a worker do what it has, and gives what it gets next. */
function nextOf(cluster: ScheduledCluster, worker: string): number[] {
  cluster.report(worker, { ms: 1 });
  return leased(cluster, worker);
}

test("a worker gets the inputs whose data it has, in their order", () => {
  const cluster = clusterOf(10);
  cluster.worker("a", { slots: 0 });
  holds(cluster, "a", [
    [7, 9],
    [3, 4],
  ]);
  cluster.send({ type: "WorkerHeard", worker: "a", slots: 1 });
  expect(leased(cluster, "a")).toEqual([3]);
  expect([nextOf(cluster, "a"), nextOf(cluster, "a"), nextOf(cluster, "a")]).toEqual([[7], [8], [0]]);
});

test("then those that nobody has, and only then those that others have: none waits for another", () => {
  const cluster = clusterOf(4);
  cluster.worker("a", { slots: 0 }).worker("b", { slots: 0 });
  holds(cluster, "a", [[0, 2]]);
  cluster.send({ type: "WorkerHeard", worker: "b", slots: 1 });
  expect(leased(cluster, "b")).toEqual([2]);
  expect([nextOf(cluster, "b"), nextOf(cluster, "b")]).toEqual([[3], [0]]);
  cluster.send({ type: "WorkerHeard", worker: "a", slots: 1 });
  expect(leased(cluster, "a")).toEqual([1]);
});

test("what it has no more it is not preferred for, but others still are who have it, too", () => {
  const cluster = clusterOf(4);
  cluster.worker("a", { slots: 0 }).worker("b", { slots: 0 });
  holds(cluster, "a", [[2, 4]]);
  holds(cluster, "b", [[2, 3]]);
  holds(cluster, "a", [[2, 4]], false);
  cluster.send({ type: "WorkerHeard", worker: "a", slots: 1 });
  cluster.send({ type: "WorkerHeard", worker: "b", slots: 1 });
  expect([leased(cluster, "a"), leased(cluster, "b")]).toEqual([[0], [2]]);
});

test("who leaves leaves nothing behind, and a job that ends does not, either", () => {
  const cluster = clusterOf(3);
  cluster.worker("a", { slots: 0 }).worker("b", { slots: 0 });
  holds(cluster, "a", [[0, 2]]);
  holds(cluster, "b", [[2, 3]]);
  cluster.lose("a", "left");
  cluster.send({ type: "WorkerHeard", worker: "b", slots: 1 });
  expect([leased(cluster, "b"), nextOf(cluster, "b")]).toEqual([[2], [0]]);
  cluster.send({ type: "JobCancelled", job: "job", reason: "" });
  expect([...cluster.state.workers.values()].map(({ nearTo }) => nearTo.size)).toEqual([0]);
});

test("a retry goes to whoever is there", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 1, prefetchUnitsMax: 0 });
  cluster.submit("job", { retries: 1 }).append("job", 2);
  cluster.worker("a", { slots: 0 }).worker("b", { slots: 0 });
  holds(cluster, "a", [[0, 1]]);
  cluster.send({ type: "WorkerHeard", worker: "a", slots: 1 });
  cluster.report("a", { ms: 1, fail: { 0: "error" } });
  expect(leased(cluster, "a")).toEqual([0]);
});

test("advice may come before its inputs", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 1, prefetchUnitsMax: 0 }).submit("job");
  cluster.worker("a").worker("b");
  holds(cluster, "b", [[0, 1]]);
  holds(cluster, "a", [[1, 2]]);
  cluster.append("job", 3);
  expect([leased(cluster, "a"), leased(cluster, "b")]).toEqual([[1], [0]]);
});

test("of what nobody has, or that is no input, nothing is kept", () => {
  const cluster = clusterOf(3);
  cluster.worker("a", { slots: 0 });
  holds(cluster, "a", [
    [-5, 1],
    [2, 900],
    [1, 1],
    [0.5, 2],
  ]);
  holds(cluster, "nobody", [[0, 3]]);
  cluster.send({ type: "WorkerHolds", worker: "a", job: "no job", ranges: [[0, 3]], kept: true });
  cluster.send({ type: "WorkerHeard", worker: "a", slots: 1 });
  expect(leased(cluster, "a")).toEqual([2]);
});
