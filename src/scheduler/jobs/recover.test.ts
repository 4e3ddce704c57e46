import { expect, test } from "vitest";
import { listOf, type OpenLease, ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";
import { defaultLimits } from "../../protocol/index.ts";
import { jobIds, jobView, type LeaseDescriptor, recover, validate } from "../index.ts";

const present = (cluster: ScheduledCluster, worker: string, descriptor: LeaseDescriptor, from: number) =>
  cluster.present(worker, [{ descriptor, from }]);

/** Runs everything that is left, and says what each input's result is. */
function finish(cluster: ScheduledCluster, job: string): string[] {
  for (let turn = 0; !cluster.ended.has(job); turn++) {
    if (turn > 1_000) throw new Error("it does not end");
    const lease = [...cluster.leases.values()][0];
    if (lease === undefined) cluster.heartbeat().pass(100);
    else cluster.report(lease.worker, { lease: lease.no, ms: 1 });
  }
  const results = cluster.results.get(job)!;
  return [...results.keys()].toSorted((a, b) => a - b).map((input) => results.get(input)!);
}

test("a restarted hub goes on: done stays done, the rest is run", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 100, { retries: 1 });
  cluster.report("w", { ms: 60 }).report("w", { count: 5, ms: 1, fail: { 1: "error" } });
  cluster.restart().worker("w2").heartbeat().pass(5_000);
  expect(jobView(cluster.state, "job")).toMatchObject({ size: 100, done: 5, failed: 0, sealed: true });
  expect(finish(cluster, "job")).toEqual(Array.from({ length: 100 }, () => "value"));
});

test("adoptionWindowMs: what may be running somewhere is held back for a while, the rest is not", () => {
  const cluster = new ScheduledCluster({ unitRangesMax: 4 }).worker("w").job("job", 3_000);
  cluster.restart().worker("new");
  expect(cluster.inputsOf("new")).toEqual([[1_024]]);
  cluster.report("new", { ms: 1_000 }).pass(3_998);
  expect(cluster.inputsOf("new").flat()[0]).toBe(1_025);
  cluster.report("new", { ms: 1 });
  expect(cluster.inputsOf("new").flat()[0]).toBe(1_026);
  cluster.pass(1).report("new");
  expect(cluster.inputsOf("new").flat()[0]).toBe(0);
});

test("a returning worker goes on with its lease where it was", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 100).report("w", { ms: 50 });
  const [lease] = cluster.leasesOf("w");
  cluster.report("w", { count: 3, ms: 3 }).restart().worker("w", { slots: 0 });
  const presented = { descriptor: lease!.descriptor, from: 3 };
  cluster.present("w", [presented, presented]);
  expect(cluster.effects).toMatchObject([
    { type: "AdoptLease", from: 3, descriptor: { worker: "w" } },
    { type: "RefuseLease", worker: "w" },
  ]);
  expect(cluster.inputsOf("w")).toEqual([lease!.inputs.slice(3)]);
  cluster.worker("w2").report("w", { ms: 20 });
  expect(cluster.effectsOf("RecordResults")).toMatchObject([{ ranges: [[4, 17]] }]);
  expect(finish(cluster, "job").length).toBe(100);
});

test("a lease goes on although the crash took the mark that it had raised", () => {
  const cluster = new ScheduledCluster().job("job", 100).worker("w");
  const [lease] = cluster.leasesOf("w");
  // The lease was sent before the journal had stored the mark.
  cluster.journal.splice(cluster.journal.findIndex(({ type }) => type === "carve"));
  present(cluster.restart(), "w", lease!.descriptor, 0);
  expect(cluster.effectsOf("RecordCarveMark")).toMatchObject([{ job: "job", mark: 1_024 }]);
  expect(cluster.effectsOf("AdoptLease").length).toBe(1);
});

test("results that the journal has, but its worker does not know of, are not taken twice", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 100).report("w", { ms: 50 });
  const [lease] = cluster.leasesOf("w");
  cluster.report("w", { count: 3, ms: 3 }).restart().worker("w", { slots: 0 });
  present(cluster, "w", lease!.descriptor, 0).report("w", { count: 5 });
  expect(cluster.effectsOf("RecordResults")).toMatchObject([{ kept: [[3, 5]], ranges: [[4, 6]] }]);
});

test("a lease is refused where its inputs are somebody else's, done, unknown or of an ended job", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 2).job("over", 1);
  const [lease] = cluster.leasesOf("w");
  const refused = (descriptor: LeaseDescriptor, from = 0) => {
    present(cluster, "late", descriptor, from);
    expect(cluster.effects).toMatchObject([{ type: "RefuseLease", worker: "late" }]);
  };
  const { descriptor } = lease!;
  refused(descriptor);
  cluster.report("w", { ms: 200 }).report("w").report("w");
  expect(cluster.ended.size).toBe(2);
  refused(descriptor);
  refused({ ...descriptor, job: "over" });
  cluster.submit("open").append("open", 4);
  refused({ ...descriptor, job: "open", ranges: [[3, 5]] });
  refused({
    ...descriptor,
    job: "open",
    ranges: [
      [2, 4],
      [3, 4],
    ],
  });
  refused({ ...descriptor, job: "open", ranges: [[2, 4]] }, 2);
  refused({ ...descriptor, job: "open", ranges: [[2, 4]] }, -1);
  refused({ ...descriptor, job: "open", ranges: [] });
  refused({ ...descriptor, job: "open", ranges: [[2, 4]], failures: 1 });
});

test("a worker whose connection broke goes on, and what it ran is under no suspicion any more", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 100).report("w", { ms: 50 });
  const [lease] = cluster.leasesOf("w");
  cluster.lose("w");
  expect(cluster.effectsOf("RecordRetries")).toMatchObject([{ retries: [{ strikes: 1 }] }]);
  cluster.worker("w", { slots: 0 });
  present(cluster, "w", lease!.descriptor, 0);
  expect(cluster.inputsOf("w")).toEqual([lease!.inputs]);
  expect(cluster.leasesOf("w")[0]!.descriptor.strikes).toBe(0);
});

test("an input that failed elsewhere meanwhile is not adopted in its old class", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 1, { retries: 2 });
  const [lease] = cluster.leasesOf("w");
  cluster
    .lose("w", "left")
    .worker("other")
    .report("other", { fail: { 0: "error" } })
    .lose("other", "left");
  cluster.worker("w", { slots: 0 });
  present(cluster, "w", lease!.descriptor, 0);
  expect(cluster.effects).toMatchObject([{ type: "RefuseLease" }]);
});

test("a worker whose leases others took in part goes on with the rest, and may be faster with what they took", () => {
  const cluster = new ScheduledCluster({ unitGrowthMax: 8 }).worker("w").job("job", 100);
  cluster.report("w", { ms: 10 }).report("w", { ms: 10 });
  const [lease] = cluster.leasesOf("w");
  // So slow that it is given little at once.
  cluster.lose("w", "left").worker("other", { speed: 0.002 });
  const others = new Set(cluster.inputsOf("other").flat());
  const left = lease!.inputs;
  const own = left.filter((at) => !others.has(at));
  expect(own.length * (left.length - own.length)).toBeGreaterThan(0);
  present(cluster, "w", lease!.descriptor, 0);
  expect(cluster.effectsOf("AdoptLease")).toMatchObject([{ from: 0 }]);
  // It ends what the other one has begun, which therefore need not.
  cluster.report("w", { ms: 100 });
  expect(cluster.effectsOf("RecordResults").flatMap(({ ranges }) => listOf(ranges))).toEqual(left);
  expect(cluster.effectsOf("RevokeLease")).toMatchObject([{ worker: "other" }]);
  expect(finish(cluster, "job").length).toBe(100);
});

test("a lease of which others did the last inputs ends once, with the report of those before", () => {
  const cluster = new ScheduledCluster({ unitGrowthMax: 8 }).worker("w").job("job", 100);
  cluster.report("w", { ms: 10 }).report("w", { ms: 10 });
  const [{ descriptor, inputs }] = cluster.leasesOf("w") as [OpenLease];
  cluster.lose("w", "left").worker("other", { speed: 0.002 });
  present(cluster, "w", descriptor, 0);
  const last = inputs.length - 1;
  cluster.send({ type: "LateResults", worker: "w", descriptor, from: last, count: 1, failures: [] });
  expect(cluster.effectsOf("RevokeLease")).toEqual([]);
  cluster.report("w", { count: last, ms: 100, done: false });
  const revoked = cluster.effectsOf("RevokeLease").map(({ worker }) => worker);
  expect(revoked.toSorted()).toEqual(["other", "w"]);
  expect(finish(cluster, "job").length).toBe(100);
});

test("late results are taken where nobody was faster; nobody then does them again", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 100).report("w", { ms: 50 });
  const [lease] = cluster.leasesOf("w");
  cluster.lose("w", "left").worker("w2");
  const taken = cluster.inputsOf("w2").flat();
  cluster.worker("w", { slots: 0 });
  const late = (
    from: number,
    count: number,
    failures: { at: number; kind: "error"; fingerprint: "" }[] = [],
  ) =>
    cluster.send({ type: "LateResults", worker: "w", descriptor: lease!.descriptor, from, count, failures });
  late(0, 16);
  expect(cluster.effectsOf("RecordResults")).toMatchObject([{ kept: [[0, 16]], ranges: [[1, 17]] }]);
  expect(cluster.effectsOf("RevokeLease")).toMatchObject([{ worker: "w2" }]);
  expect(cluster.inputsOf("w2").flat()).not.toContain(taken[0]);
  late(0, 16);
  expect(cluster.effects).toEqual([]);
  expect(finish(cluster, "job").length).toBe(100);
});

test("a late failure counts only where it is final", () => {
  const failures = [{ at: 0, kind: "error" as const, fingerprint: "" }];
  const lateFailure = (retries: number) => {
    const cluster = new ScheduledCluster().worker("w").job("job", 1, { retries });
    const [lease] = cluster.leasesOf("w");
    cluster.lose("w", "left").worker("w", { slots: 0 });
    const { descriptor } = lease!;
    return cluster.send({ type: "LateResults", worker: "w", descriptor, from: 0, count: 1, failures });
  };
  expect(lateFailure(1).effects).toEqual([]);
  expect(lateFailure(0).ended.get("job")).toMatchObject({ state: "done" });
});

test("failures, strikes and the failed count survive a restart", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 33, { retries: 2, backoffMs: 60_000 });
  cluster
    .report("w", { ms: 1 })
    .report("w", { ms: 1, fail: { 0: "error", 1: "crash", 2: "unserializable" } });
  while (cluster.leasesOf("w")[0]!.descriptor.strikes === 0) cluster.report("w", { ms: 1 });
  cluster.lose("w", "left").restart();
  expect(jobView(cluster.state, "job")).toMatchObject({ done: 31, failed: 1, retrying: 2 });
  cluster.worker("w");
  expect(cluster.leasesOf("w")[0]!.descriptor).toMatchObject({ failures: 1, strikes: 0, ranges: [[1, 2]] });
  cluster.report("w");
  expect(cluster.leasesOf("w")[0]!.descriptor).toMatchObject({ failures: 0, strikes: 4, ranges: [[2, 3]] });
});

test("a job whose end the journal missed ends at the first tick", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 1).job("over", 1);
  cluster.report("w", { ms: 1 }).report("w");
  cluster.journal.splice(
    cluster.journal.findIndex((record) => record.type === "ended" && record.job === "job"),
    1,
  );
  cluster.ended.clear();
  cluster.restart();
  expect(cluster.effects).toMatchObject([{ type: "EndJob", job: "job", state: "done" }]);
});

test("a journal that names what is not there is survived", () => {
  const state = recover(
    [
      { type: "inputs", job: "none", count: 5, bytes: 5 },
      { type: "carve", job: "none", mark: 1 },
      { type: "ended", job: "none" },
    ],
    defaultLimits,
    7,
  );
  expect([...jobIds(state)]).toEqual([]);
  validate(state);
  const cluster = new ScheduledCluster().submit("job", { retries: 1 }).append("job", 5);
  cluster.journal.push({
    type: "results",
    job: "job",
    ranges: [[3, 9]],
    failed: 0,
    retries: [{ failures: 1, strikes: 0, ranges: [[2, 20]] }],
  });
  expect(jobView(cluster.restart().state, "job")).toMatchObject({ done: 2, retrying: 1 });
});

test("a worker that goes on with what was trimmed before the restart is given the rest, too", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 100).report("w", { ms: 50 });
  const [lease] = cluster.leasesOf("w");
  cluster.restart().worker("w", { slots: 0 });
  present(cluster, "w", lease!.descriptor, 0);
  // As far as it knows it has done everything.
  cluster.report("w", { count: 3, done: true, ms: 3 }).send({ type: "WorkerHeard", worker: "w", slots: 1 });
  expect(jobView(cluster.state, "job")).toMatchObject({ waiting: "" });
  expect(finish(cluster, "job").length).toBe(100);
});
