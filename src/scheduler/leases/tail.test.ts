import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";

/** `slow` has a unit of 16 inputs of 100 ms, and nothing else is left. */
function oneUnitLeft() {
  const cluster = new ScheduledCluster({ prefetchUnitsMax: 0 })
    .worker("slow")
    .submit("job")
    .append("job", 33);
  cluster.report("slow", { ms: 60 });
  expect(cluster.inputsOf("slow")[0]!.length).toBe(16);
  cluster.send({ type: "JobCancelled", job: "job", reason: "", ranges: [[17, 33]] });
  return cluster;
}

test("an idle worker takes over what a busy one has not begun", () => {
  const cluster = oneUnitLeft().worker("idle");
  expect(cluster.effects).toMatchObject([
    { type: "TrimLease", worker: "slow", keep: 8 },
    { type: "LeaseUnit", speculative: false, descriptor: { worker: "idle", job: "job" } },
  ]);
  expect(cluster.inputsOf("slow")).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
  expect(cluster.inputsOf("idle")).toEqual([[9, 10]]);
});

test("work is handed on until it is too little to matter, and all of it is done once", () => {
  const cluster = oneUnitLeft().worker("a").worker("b", { slots: 2 }).seal("job");
  for (let turn = 0; !cluster.ended.has("job"); turn++) {
    expect(turn).toBeLessThan(40);
    cluster.pass(15);
    for (const worker of ["slow", "a", "b"]) {
      const [lease] = cluster.leasesOf(worker);
      if (lease !== undefined)
        cluster.report(worker, { count: Math.min(1, lease.keep - lease.reported), ms: 15 });
    }
  }
  expect(cluster.results.get("job")!.size).toBe(33);
});

test("what would be done in a moment is left where it is", () => {
  const cluster = new ScheduledCluster({ prefetchUnitsMax: 0 }).worker("w").job("job", 33);
  cluster.report("w", { ms: 1 });
  cluster.send({ type: "JobCancelled", job: "job", reason: "", ranges: [[17, 33]] });
  expect(cluster.worker("idle").leasesOf("idle")).toEqual([]);
  // But it took longer than that.
  cluster.pass(99);
  expect(cluster.leasesOf("idle")).toEqual([]);
  cluster.pass(1);
  expect(cluster.inputsOf("idle").flat()).toContain(9);
});

test("what has begun beyond the cut counts if it comes first, and ends its copy", () => {
  const cluster = oneUnitLeft().worker("idle");
  const [lease] = cluster.leasesOf("slow");
  const taken = cluster.inputsOf("idle").flat();
  const count = 8 + taken.length;
  cluster.report("slow", { count, ms: 100, done: true });
  expect(cluster.effectsOf("RecordResults")[0]).toMatchObject({
    kept: [[0, count]],
    ranges: [[1, 1 + count]],
  });
  expect(cluster.effectsOf("RevokeLease")).toMatchObject([{ worker: "idle" }]);
  expect(lease!.keep).toBe(8);
  expect(cluster.inputsOf("idle").flat()).not.toContain(taken[0]);
});

test("a failure beyond the cut that may be tried again is the new owner's to find", () => {
  const cluster = new ScheduledCluster({ prefetchUnitsMax: 0 }).worker("slow");
  cluster.submit("job", { retries: 3 }).append("job", 33).report("slow", { ms: 60 }).worker("idle");
  while (cluster.leasesOf("slow")[0]!.keep === 16) cluster.report("idle", { ms: 1 });
  const keep = cluster.leasesOf("slow")[0]!.keep;
  cluster.report("slow", { count: keep + 1, fail: { [keep]: "error" }, done: true });
  expect(cluster.effectsOf("RecordResults")[0]).toMatchObject({ kept: [[0, keep]], retries: [] });
});

test("a queued unit is taken whole if it is a single input, behind one that takes too long", () => {
  const cluster = new ScheduledCluster().worker("w", { slots: 1 }).job("job", 12).report("w", { ms: 30 });
  while (cluster.leasesOf("w").length < 2) cluster.report("w", { count: 1, ms: 30 });
  const [running, queued] = cluster.inputsOf("w") as [number[], number[]];
  const unwanted = [...running.slice(1), ...queued.slice(1)].map((input) => [input, input + 1] as const);
  const rest = [[queued.at(-1)! + 1, 12]] as const;
  cluster.send({ type: "JobCancelled", job: "job", reason: "", ranges: [...unwanted, ...rest] });
  cluster.worker("idle").pass(300);
  expect(cluster.inputsOf("idle").flat()).toContain(queued[0]);
  expect(cluster.inputsOf("idle").flat()).not.toContain(running[0]);
});

test("an input that runs alone for too long is run a second time, elsewhere, once", () => {
  const cluster = new ScheduledCluster().worker("w", { slots: 2 }).job("job", 2).report("w", { ms: 100 });
  cluster.pass(10_000).heartbeat();
  expect(cluster.leasesOf("w").length).toBe(1);
  cluster.worker("idle");
  expect(cluster.effectsOf("LeaseUnit")).toMatchObject([
    { speculative: true, descriptor: { worker: "idle" } },
  ]);
  expect(cluster.worker("idle2").leasesOf("idle2")).toEqual([]);
  cluster.pass(9_000).heartbeat().pass(9_000);
  expect(cluster.leasesOf("idle2")).toEqual([]);
  cluster.report("idle");
  expect(cluster.effects.map(({ type }) => type)).toEqual(["RecordResults", "RevokeLease", "EndJob"]);
  expect(cluster.effectsOf("RevokeLease")).toMatchObject([{ worker: "w" }]);
});

test("speculationFactor and speculationAfterMs: a copy waits until the input takes far longer than expected, not only long", () => {
  const cluster = new ScheduledCluster({ leaseTtlMs: 1e6 }).worker("w").job("job", 2);
  cluster.report("w", { ms: 5_000 }).worker("idle").pass(14_999);
  expect(cluster.leasesOf("idle")).toEqual([]);
  cluster.pass(1);
  expect(cluster.leasesOf("idle")).toMatchObject([{ speculative: true, inputs: [1] }]);

  const quick = new ScheduledCluster({ leaseTtlMs: 1e6 }).worker("w").job("job", 2);
  quick.report("w", { ms: 400 }).worker("idle").pass(1_999);
  expect(quick.leasesOf("idle")).toEqual([]);
  quick.pass(1);
  expect(quick.leasesOf("idle")).toMatchObject([{ speculative: true, inputs: [1] }]);
});

/** Input 0 runs twice: on `w`, and as a copy on `idle`. */
function copied(retries = 3) {
  const cluster = new ScheduledCluster({ leaseTtlMs: 1e6 }).worker("w").job("job", 1, { retries });
  cluster.worker("idle").pass(60_000);
  expect(cluster.leasesOf("idle")).toMatchObject([{ speculative: true, inputs: [0] }]);
  return cluster;
}

test.each([
  ["w", "idle"],
  ["idle", "w"],
])("when %s fails the other one decides; when both do the input is tried again once", (first, second) => {
  const cluster = copied().report(first, { fail: { 0: "error" } });
  expect(cluster.effectsOf("RecordResults")).toEqual([]);
  expect(cluster.leases.size).toBe(1);
  cluster.report(second, { fail: { 0: "error" } });
  expect(cluster.effectsOf("RecordResults")).toMatchObject([{ kept: [], retries: [{ failures: 1 }] }]);
  expect(cluster.leases.size).toBe(1);
});

test("who failed but has not said that it is done does not keep the input from its copy", () => {
  const cluster = new ScheduledCluster({ leaseTtlMs: 1e6 }).worker("slow").submit("job", { retries: 1 });
  cluster.append("job", 10).report("slow", { ms: 400 });
  expect(cluster.inputsOf("slow")).toEqual([[1, 2]]);
  cluster.send({ type: "JobCancelled", job: "job", reason: "", ranges: [[3, 10]] });
  cluster.worker("idle").report("idle", { ms: 1 }).pass(10_000);
  expect(cluster.leasesOf("idle")).toMatchObject([{ speculative: true, inputs: [1] }]);
  cluster.report("slow", { fail: { 0: "error" }, done: false });
  expect(cluster.leasesOf("slow")).toMatchObject([{ reported: 1, keep: 1 }]);
  cluster.report("idle", { fail: { 0: "error" } });
  expect(cluster.effectsOf("RecordResults")).toMatchObject([
    { retries: [{ failures: 1, ranges: [[1, 2]] }] },
  ]);
});

test.each([
  ["w", "idle"],
  ["idle", "w"],
])("when %s vanishes the other one goes on, and the input is under no suspicion", (first, second) => {
  const cluster = copied().lose(first);
  expect(cluster.effects).toEqual([]);
  expect(cluster.inputsOf(second)).toEqual([[0]]);
  cluster.lose(second);
  expect(cluster.effectsOf("RecordRetries")).toMatchObject([{ retries: [{ strikes: 1 }] }]);
});

test("a final failure of either ends both", () => {
  const cluster = copied(0).report("idle", { fail: { 0: "error" } });
  expect(cluster.effects.map(({ type }) => type)).toEqual(["RecordResults", "RevokeLease", "EndJob"]);
});

test("what is suspected of killing its sandbox is not run twice at once", () => {
  const cluster = new ScheduledCluster({ leaseTtlMs: 1e6 }).worker("w").job("job", 1);
  cluster
    .report("w", { fail: { 0: "crash" } })
    .worker("idle")
    .pass(60_000);
  expect(cluster.leases.size).toBe(1);
});

test("when a copy's worker vanishes the next one is started at once", () => {
  const cluster = copied().worker("another");
  expect(cluster.leasesOf("another")).toEqual([]);
  cluster.lose("idle");
  expect(cluster.leasesOf("another")).toMatchObject([{ speculative: true, inputs: [0] }]);
});

test("an input that always fails, but only after copies have lost their patience, comes to its end", () => {
  const cluster = new ScheduledCluster({ leaseTtlMs: 1e9, speculationAfterMs: 10_000, speculationFactor: 1 })
    .worker("a")
    .worker("b")
    .job("job", 1, { retries: 1 });
  for (let turn = 0; !cluster.ended.has("job"); turn++) {
    expect(turn).toBeLessThan(10);
    // Each takes a second longer than copies wait, so that two run it whenever one fails.
    const [first] = cluster.pass(turn === 0 ? 11_000 : 10_000).leases.values();
    cluster.report(first!.worker, { fail: { 0: "error" } });
  }
  expect(cluster.results.get("job")!.get(0)).toBe("error");
});

test("an input whose workers vanish one after the other, while another has a copy, is given up", () => {
  const cluster = new ScheduledCluster({ leaseTtlMs: 1e9, speculationAfterMs: 10_000, speculationFactor: 1 })
    .worker("w0")
    .worker("w1")
    .job("job", 1);
  for (let turn = 0; !cluster.ended.has("job"); turn++) {
    expect(turn).toBeLessThan(100);
    const [first] = cluster.pass(turn === 0 ? 11_000 : 10_000).leases.values();
    cluster.worker(`w${turn + 2}`).lose(first!.worker);
  }
  expect(cluster.results.get("job")!.get(0)).toBe("quarantined");
});

test("a worker that came back, and has lost to others all that was its own, need not go on", () => {
  const cluster = new ScheduledCluster({ prefetchUnitsMax: 0 }).worker("w").submit("job", { retries: 1 });
  cluster.append("job", 33).report("w", { ms: 60 });
  cluster.send({ type: "JobCancelled", job: "job", reason: "", ranges: [[17, 33]] });
  const { descriptor } = cluster.leasesOf("w")[0]!;
  cluster.report("w", { count: 14, ms: 1_400, fail: { 0: "error" } }).worker("other");
  expect(cluster.inputsOf("other")).toEqual([[1]]);
  // It has heard of no receipt.
  cluster.present("w", [{ descriptor, from: 0 }]).worker("idle");
  expect(cluster.inputsOf("idle")).toEqual([[15]]);
  expect(cluster.effectsOf("RevokeLease")).toMatchObject([{ worker: "w" }]);
  expect(cluster.leasesOf("w")).toEqual([]);
  cluster.report("other").report("idle").report(cluster.leases.values().next().value!.worker).seal("job");
  expect([...cluster.ended.keys()]).toEqual(["job"]);
});
