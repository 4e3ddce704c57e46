import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";
import { defaultLimits } from "../../protocol/index.ts";
import { jobView, mapStageId } from "../index.ts";

const MAP = mapStageId("job");

/** What workers have, as `job: inputs`. */
const leased = (cluster: ScheduledCluster): string[] =>
  [...cluster.leases.values()].map(({ job, inputs }) => `${job}: ${inputs}`);

/** A shuffle of three segments and two partitions, of which a worker has mapped so many segments. */
function shuffle(mapped = 0, limits = {}): ScheduledCluster {
  const cluster = new ScheduledCluster({ unitInputsMax: 1, prefetchUnitsMax: 0, ...limits }).worker("w");
  cluster.submit("job", { partitions: 2 }).append("job", 3).seal("job");
  for (let segment = 0; segment < mapped; segment++) cluster.report("w");
  return cluster;
}

test("a shuffle maps its inputs, then reduces its partitions, and ends once", () => {
  const cluster = shuffle();
  expect(leased(cluster)).toEqual([`${MAP}: 0`]);
  cluster.worker("v", { slots: 2 });
  expect(leased(cluster)).toEqual([`${MAP}: 0`, `${MAP}: 1`, `${MAP}: 2`]);
  cluster.report("w").report("v");
  expect(leased(cluster)).toEqual([`${MAP}: 2`]);
  cluster.report("v");
  expect(leased(cluster)).toEqual(["job: 0", "job: 1"]);
  for (const { no, worker } of [...cluster.leases.values()]) cluster.report(worker, { lease: no });
  expect([...cluster.ended]).toEqual([["job", { type: "EndJob", job: "job", state: "done", reason: "" }]]);
  expect([cluster.state.jobs.size, cluster.state.demands.size]).toEqual([0, 0]);
  expect(cluster.results.get("job")!.size).toBe(2);
});

test("while inputs may still come, no partition is whole", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 1 }).worker("w");
  cluster.submit("job", { partitions: 2 }).append("job", 1).report("w");
  expect(leased(cluster)).toEqual([]);
  cluster.append("job", 1).seal("job").report("w");
  expect(leased(cluster).every((lease) => lease.startsWith("job:"))).toBe(true);
});

test("a shuffle of no segments reduces empty partitions", () => {
  const cluster = new ScheduledCluster().worker("w").submit("job", { partitions: 2 }).seal("job");
  while (cluster.leases.size > 0) cluster.report("w");
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
  expect(cluster.results.get("job")!.size).toBe(2);
});

test("how far it is, is said by stage", () => {
  const cluster = shuffle(2);
  expect(jobView(cluster.state, "job")).toMatchObject({
    size: 2,
    done: 0,
    waiting: "",
    stages: [
      { kind: "map", size: 3, sealed: true, done: 2, failed: 0, running: 1, lost: 0 },
      { kind: "reduce", size: 2, sealed: true, done: 0, failed: 0, running: 0, lost: 0 },
    ],
  });
  cluster.lose("w", "left");
  expect(jobView(cluster.state, "job")!.waiting).toBe("no worker is connected");
});

test("what nobody runs of the map stage is why the job waits", () => {
  const cluster = new ScheduledCluster().submit("job", { partitions: 2 }).worker("w");
  expect(jobView(cluster.state, "job")!.waiting).toBe("");
  cluster.append("job", 3);
  const [lease] = cluster.leasesOf("w");
  cluster.leases.delete(lease!.no);
  cluster.send({ type: "UnitReturned", worker: "w", lease: lease!.no, reason: "refused" });
  expect(jobView(cluster.state, "job")!.waiting).toBe("every worker that could serve it refused it");
});

test("lost outputs run again, and just those; partitions wait meanwhile, running ones go on", () => {
  const cluster = shuffle(3);
  expect(leased(cluster)).toEqual(["job: 0"]);
  cluster.loseOutputs("job", [[1, 2]]);
  expect(cluster.effectsOf("RecordLoss")).toEqual([{ type: "RecordLoss", job: MAP, ranges: [[1, 2]] }]);
  expect(leased(cluster)).toEqual(["job: 0"]);
  cluster.report("w");
  expect(leased(cluster)).toEqual([`${MAP}: 1`]);
  expect(jobView(cluster.state, "job")!.stages![0]).toMatchObject({ done: 2, lost: 1 });
  cluster.report("w");
  expect(leased(cluster)).toEqual(["job: 1"]);
  cluster.report("w");
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
});

test("nothing is lost that is not there, or twice, or of another kind of job", () => {
  const cluster = shuffle(1);
  cluster.job("plain", 3);
  for (const [job, ranges] of [
    ["job", [[1, 3]]],
    ["job", [[0, 99]]],
    ["job", [[-1, 1]]],
    ["job", [[2, 1]]],
    [MAP, [[0, 1]]],
    ["plain", [[0, 1]]],
    ["none", [[0, 1]]],
  ] as const) {
    expect(cluster.loseOutputs(job, ranges).effects).toEqual([]);
  }
  cluster.loseOutputs("job", [[0, 3]]);
  expect(cluster.effectsOf("RecordLoss")).toMatchObject([{ ranges: [[0, 1]] }]);
  expect(cluster.loseOutputs("job", [[0, 3]]).effects).toEqual([]);
});

test("an output that is lost while a lease still has its segment is that lease's again", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 2, prefetchUnitsMax: 0 }).worker("w");
  cluster.submit("job", { partitions: 1 }).append("job", 4).seal("job").report("w", { ms: 1 });
  expect(leased(cluster)).toEqual([`${MAP}: 1,2`]);
  // Somebody who was thought to be gone gives one of them.
  const descriptor = { job: MAP, worker: "v", failures: 0, strikes: 0, ranges: [[2, 3]] as const };
  const late = { from: 0, count: 1, failures: [] };
  cluster.send({ type: "LateResults", worker: "v", descriptor, ...late }).loseOutputs("job", [[2, 3]]);
  expect(cluster.worker("u").inputsOf("u")).toEqual([[3]]);
  cluster.lose("u", "left").report("w");
  expect([...cluster.results.get(MAP)!.keys()].toSorted()).toEqual([0, 1, 2]);
  cluster.send({ type: "LateResults", worker: "v", descriptor, ...late });
  expect(cluster.effectsOf("RecordResults")).toEqual([]);
});

test("missingRetryMs: a reducer that finds nothing to read is tried again later, which costs no attempt", () => {
  const cluster = shuffle(3);
  for (let turn = 0; turn < 5; turn++) {
    cluster.report("w", { fail: { 0: "missing" } });
    expect([cluster.ended.size, leased(cluster)]).toEqual([0, ["job: 1"]]);
    cluster.report("w", { fail: { 0: "missing" } });
    expect(leased(cluster)).toEqual([]);
    cluster.heartbeat().pass(defaultLimits.missingRetryMs / 2);
    expect(leased(cluster)).toEqual([]);
    cluster.heartbeat().pass(defaultLimits.missingRetryMs);
    expect(leased(cluster)).toEqual(["job: 0"]);
  }
  cluster.report("w").report("w");
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
});

test("a unit that the shell could not send waits as long", () => {
  const cluster = shuffle(3);
  const [lease] = cluster.leasesOf("w");
  cluster.leases.delete(lease!.no);
  cluster.send({ type: "UnitReturned", worker: "w", lease: lease!.no, reason: "missing" });
  expect(leased(cluster)).toEqual(["job: 1"]);
  cluster
    .report("w")
    .heartbeat()
    .pass(2 * defaultLimits.missingRetryMs);
  expect(leased(cluster)).toEqual(["job: 0"]);
});

test("elsewhere, what says that something is missing has failed", () => {
  const cluster = new ScheduledCluster()
    .worker("w")
    .job("plain", 1)
    .report("w", { fail: { 0: "missing" } });
  expect(cluster.results.get("plain")!.get(0)).toBe("error");
  const mapping = shuffle().report("w", { fail: { 0: "missing" } });
  expect(mapping.ended.get("job")).toMatchObject({ state: "broken" });
});

test("a segment that fails for good ends the job, and says which it was", () => {
  const cluster = shuffle(1, { retryBackoffMaxMs: 0 });
  cluster.report("w", { fail: { 0: "error" } });
  expect(cluster.ended.get("job")).toEqual({
    type: "EndJob",
    job: "job",
    state: "broken",
    reason: "input 1 of its map stage failed",
    culprit: 1,
  });
  expect([cluster.state.jobs.size, cluster.state.leases.size, cluster.state.demands.size]).toEqual([0, 0, 0]);
});

test("a segment that kills its workers ends the job, too", () => {
  const cluster = new ScheduledCluster().submit("job", { partitions: 1, maxAttempts: 1 }).append("job", 2);
  for (let turn = 0; !cluster.ended.has("job"); turn++) {
    expect(turn).toBeLessThan(20);
    cluster.worker("w").lose("w");
  }
  expect(cluster.ended.get("job")).toMatchObject({ state: "broken", culprit: 0 });
});

test("a partition that fails is a result like another", () => {
  const cluster = shuffle(3).report("w", { fail: { 0: "error" } });
  expect(leased(cluster)).toEqual(["job: 1"]);
  cluster.report("w");
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
});

test("a cancel ends both stages; one of some inputs only does nothing", () => {
  const cluster = shuffle(1);
  const ranges = [[0, 1]] as const;
  expect(cluster.send({ type: "JobCancelled", job: "job", reason: "no", ranges }).effects).toEqual([]);
  cluster.send({ type: "JobCancelled", job: "job", reason: "no" });
  expect(cluster.effects.map(({ type }) => type)).toEqual(["RevokeLease", "EndJob"]);
  expect(cluster.state.jobs.size).toBe(0);
});

test("a restarted hub knows what was lost and what was made anew", () => {
  const cluster = shuffle(3).loseOutputs("job", [[0, 2]]);
  cluster.report("w");
  expect(leased(cluster)).toEqual([`${MAP}: 0`]);
  cluster.report("w").restart();
  expect(jobView(cluster.state, "job")).toMatchObject({ done: 1, stages: [{ done: 2, lost: 2 }, {}] });
  cluster.worker("w").heartbeat().pass(defaultLimits.adoptionWindowMs);
  expect(leased(cluster)).toEqual([`${MAP}: 1`]);
  cluster.report("w").report("w");
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
});

test("a reducer that comes back after a restart goes on with what it has read", () => {
  const cluster = shuffle(3);
  const { descriptor } = cluster.leasesOf("w")[0]!;
  cluster.restart().present("w", [{ descriptor, from: 0 }]);
  expect(leased(cluster)).toEqual(["job: 0"]);
  cluster.send({ type: "WorkerHeard", worker: "w", slots: 1 }).report("w");
  expect(cluster.results.get("job")!.size).toBe(1);
});
