import { expect, test } from "vitest";
import { ScheduledCluster, type Untimed } from "../../test/support/scheduled-cluster.ts";
import { defaultLimits } from "../protocol/index.ts";

const everyInput = (count: number) => Array.from({ length: count }, (_, input) => input);

test("a job runs from its first input to its end", () => {
  const cluster = new ScheduledCluster().worker("w").submit("job").append("job", 2);
  expect(cluster.inputsOf("w")).toEqual([[0]]);
  cluster.report("w", { ms: 5 });
  expect(cluster.effectsOf("RecordResults")).toEqual([
    {
      type: "RecordResults",
      job: "job",
      worker: "w",
      kept: [[0, 1]],
      ranges: [[0, 1]],
      failures: [],
      retries: [],
      accepted: "single",
    },
  ]);
  cluster.report("w", { ms: 5 });
  expect(cluster.ended.size).toBe(0);
  cluster.seal("job");
  expect(cluster.effects).toEqual([{ type: "EndJob", job: "job", state: "done", reason: "" }]);
});

test("a sealed job without inputs ends at once", () => {
  expect(new ScheduledCluster().job("job", 0).ended.get("job")).toMatchObject({ state: "done" });
});

test("what came before is named first: mark, lease; results, end", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 1);
  const types = () => cluster.effects.map(({ type }) => type);
  const again = new ScheduledCluster().worker("w").submit("job").append("job", 1);
  expect(again.effects.map(({ type }) => type)).toEqual(["RecordCarveMark", "LeaseUnit"]);
  cluster.report("w");
  expect(types()).toEqual(["RecordResults", "EndJob"]);
});

test("the same submission again changes nothing", () => {
  const cluster = new ScheduledCluster().worker("w").submit("job").append("job", 1).submit("job");
  expect(cluster.effects).toEqual([]);
  expect(cluster.report("w").seal("job").ended.size).toBe(1);
});

test("unitTargetMs and unitGrowthMax: units grow to the target time, and shrink towards the end", () => {
  const cluster = new ScheduledCluster({ prefetchUnitsMax: 0 }).worker("w").job("job", 5_000);
  const sizes: number[] = [];
  while (!cluster.ended.has("job")) {
    const [inputs] = cluster.inputsOf("w");
    sizes.push(inputs!.length);
    cluster.report("w", { ms: inputs!.length });
  }
  expect(sizes.slice(0, 4)).toEqual([1, 16, 256, 1000]);
  expect(sizes.at(-1)).toBeLessThanOrEqual(10);
  expect(sizes).toEqual([...sizes.slice(0, 3), ...sizes.slice(3).toSorted((a, b) => b - a)]);
});

test("unitMinMs: near the end units are not cut smaller than what takes so long", () => {
  const cluster = new ScheduledCluster({ prefetchUnitsMax: 0, unitMinMs: 100 }).worker("w").job("job", 3_000);
  const sizes: number[] = [];
  while (!cluster.ended.has("job")) {
    sizes.push(cluster.inputsOf("w")[0]!.length);
    cluster.report("w", { ms: sizes.at(-1)! });
  }
  expect(sizes.length).toBeGreaterThan(6);
  expect(Math.min(...sizes.slice(2, -1))).toBe(100);
});

test("unitInputsMax, unitBytesTarget and leasesPerSecondTarget: units are bounded by count, by bytes, and grow longer where there are very many slots", () => {
  const unitOf = (cluster: ScheduledCluster) => {
    for (let unit = 0; unit < 8; unit++) {
      const [inputs] = cluster.inputsOf("w");
      cluster.report("w", { ms: inputs!.length * 0.001 });
    }
    return cluster.inputsOf("w")[0]!.length;
  };
  const limits = { prefetchUnitsMax: 0, unitInputsMax: 3_000, unitBytesTarget: 100_000 };
  expect(unitOf(new ScheduledCluster(limits).worker("w").submit("j").append("j", 1e6, 1e6))).toBe(3_000);
  expect(unitOf(new ScheduledCluster(limits).worker("w").submit("j").append("j", 1e6, 1e8))).toBe(1_000);

  const busy = new ScheduledCluster({ leasesPerSecondTarget: 1, prefetchUnitsMax: 0 });
  busy.worker("w", { slots: 1 }).worker("w2", { slots: 9 }).submit("j").append("j", 1e6);
  for (let unit = 0; unit < 6; unit++) {
    busy.report("w", { ms: busy.inputsOf("w")[0]!.length }).heartbeat();
  }
  expect(busy.inputsOf("w")[0]!.length).toBe(10_000);
});

test("tabUnitMsMax: a worker that may be gone at any moment gets short units, however many slots there are", () => {
  const { tabUnitMsMax: unitMsMax } = defaultLimits;
  const busy = new ScheduledCluster({ leasesPerSecondTarget: 1, prefetchUnitsMax: 0 });
  busy.worker("tab", { slots: 1, unitMsMax }).worker("w", { slots: 9 }).submit("j").append("j", 1e6);
  for (let unit = 0; unit < 6; unit++) {
    busy.report("tab", { ms: busy.inputsOf("tab")[0]!.length }).heartbeat();
  }
  expect(busy.inputsOf("tab")[0]!.length).toBe(unitMsMax);
});

test("prefetchMs: a slot gets its next unit before it is done with this one", () => {
  const cluster = new ScheduledCluster().worker("w").submit("job").append("job", 1_000);
  expect(cluster.leasesOf("w").length).toBe(1);
  cluster.report("w", { ms: 10 });
  // 16 inputs of 10 ms are more than prefetchMs.
  expect(cluster.inputsOf("w").map((inputs) => inputs.length)).toEqual([16]);
  cluster.report("w", { count: 6, ms: 60 });
  expect(cluster.leasesOf("w").length).toBe(1);
  cluster.report("w", { count: 1, ms: 10 });
  expect(cluster.leasesOf("w").length).toBe(2);
});

test("prefetchUnitsMax: every slot is used, and no more units wait than are allowed", () => {
  const cluster = new ScheduledCluster({ prefetchUnitsMax: 1 }).worker("w", { slots: 3 });
  cluster.job("job", 100);
  expect(cluster.inputsOf("w")).toEqual([[0], [1], [2]]);
  cluster.report("w", { ms: 0.01 });
  expect(cluster.leasesOf("w").length).toBe(6);
});

test("a worker that has a history is trusted with more from the start, a faster one with more than a slow", () => {
  const cluster = new ScheduledCluster({ prefetchUnitsMax: 0 }).worker("slow", { speed: 1 });
  cluster.submit("job").append("job", 100_000).report("slow", { ms: 200 });
  cluster.worker("fast", { speed: 4 }).worker("same", { speed: 1 });
  expect(cluster.inputsOf("slow")[0]!.length).toBe(5);
  expect(cluster.inputsOf("same")[0]!.length).toBe(5);
  expect(cluster.inputsOf("fast")[0]!.length).toBe(16);
});

test("results come in parts, and what was reported before is skipped", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 100).report("w", { ms: 20 });
  const [lease] = cluster.leasesOf("w");
  const progress = (from: number, count: number, done = false) =>
    cluster.send({
      type: "UnitProgressed",
      worker: "w",
      lease: lease!.no,
      from,
      count,
      failures: [],
      elapsedMs: 1,
      bytes: count,
      done,
    });
  progress(0, 3);
  expect(cluster.effectsOf("RecordResults")[0]).toMatchObject({ ranges: [[1, 4]], kept: [[0, 3]] });
  progress(1, 4);
  expect(cluster.effectsOf("RecordResults")[0]).toMatchObject({ ranges: [[4, 6]], kept: [[2, 4]] });
  progress(0, 5);
  expect(cluster.effectsOf("RecordResults")).toEqual([]);
  progress(7, 2);
  expect(cluster.effects).toEqual([]);
  progress(5, 1_000);
  expect(cluster.effects).toEqual([]);
});

test("who says that it is done too early loses the job", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 100).report("w", { ms: 20 });
  cluster.report("w", { count: 2, ms: 40, done: true });
  expect(cluster.leasesOf("w")).toEqual([]);
  cluster.worker("honest");
  expect(cluster.leasesOf("honest").length).toBe(1);
});

test("what does not fit does nothing", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 10);
  const [lease] = cluster.leasesOf("w");
  const descriptor = lease!.descriptor;
  const progress = { from: 0, count: 1, failures: [], elapsedMs: 1, bytes: 1, done: true } as const;
  const garbage: Untimed[] = [
    { type: "InputsAppended", job: "none", count: 1, bytes: 1 },
    { type: "InputsAppended", job: "job", count: 1, bytes: 1 },
    { type: "InputsSealed", job: "none" },
    { type: "JobCancelled", job: "none", reason: "" },
    { type: "JobCancelled", job: "job", reason: "", ranges: [[10, 20]] },
    { type: "JobCancelled", job: "job", reason: "", ranges: [[5, 2], [-1, 1] as never, [0.5, 1]] },
    { type: "WorkerLost", worker: "none", reason: "dropped" },
    { type: "WorkerHeard", worker: "none", slots: 3 },
    { type: "WorkerHeard", worker: "w", slots: -3 },
    { type: "WorkerHeard", worker: "w", slots: 0.5 },
    { type: "WorkerDraining", worker: "none" },
    { type: "UnitReturned", worker: "none", lease: lease!.no, reason: "drain" },
    { type: "UnitReturned", worker: "w", lease: 99, reason: "drain" },
    { ...progress, type: "UnitProgressed", worker: "w", lease: 99 },
    { ...progress, type: "UnitProgressed", worker: "other", lease: lease!.no },
    { ...progress, type: "UnitProgressed", worker: "w", lease: lease!.no, from: -1 },
    { ...progress, type: "UnitProgressed", worker: "w", lease: lease!.no, count: Number.NaN },
    {
      ...progress,
      type: "UnitProgressed",
      worker: "w",
      lease: lease!.no,
      failures: [{ at: 1, kind: "error", fingerprint: "" }],
    },
    {
      type: "LateResults",
      worker: "w",
      descriptor: { ...descriptor, job: "none" },
      from: 0,
      count: 1,
      failures: [],
    },
    {
      type: "LateResults",
      worker: "w",
      descriptor: { ...descriptor, ranges: [[5, 20]] },
      from: 0,
      count: 1,
      failures: [],
    },
    { type: "LateResults", worker: "w", descriptor, from: 1, count: 1, failures: [] },
  ];
  for (const event of garbage) expect(cluster.send(event).effects, JSON.stringify(event)).toEqual([]);
  expect(cluster.inputsOf("w")).toEqual([[0]]);
});

test("a cancelled job is gone with its leases; what comes late is not taken", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 10);
  const { no, descriptor } = cluster.leasesOf("w")[0]!;
  cluster.send({ type: "JobCancelled", job: "job", reason: "enough" });
  expect(cluster.effects).toEqual([
    { type: "RevokeLease", worker: "w", lease: no, reason: "the job is over" },
    { type: "EndJob", job: "job", state: "cancelled", reason: "enough" },
  ]);
  cluster.send({ type: "LateResults", worker: "w", descriptor, from: 0, count: 1, failures: [] });
  expect(cluster.effects).toEqual([]);
});

test("single inputs can be cancelled: waiting, running or done", () => {
  const cluster = new ScheduledCluster().worker("w").worker("w2").job("job", 10);
  cluster.report("w", { ms: 1_000 });
  expect(cluster.inputsOf("w2")).toEqual([[1]]);
  cluster.send({
    type: "JobCancelled",
    job: "job",
    reason: "not these",
    ranges: [
      [0, 2],
      [8, 12],
    ],
  });
  expect(cluster.effectsOf("RecordFailures")).toMatchObject([
    {
      ranges: [
        [1, 2],
        [8, 10],
      ],
      kind: "cancelled",
      reason: "not these",
    },
  ]);
  expect(cluster.effectsOf("RevokeLease")).toMatchObject([{ worker: "w2", reason: "not these" }]);
  while (!cluster.ended.has("job")) {
    for (const worker of ["w", "w2"])
      if (cluster.leasesOf(worker).length > 0) cluster.report(worker, { ms: 1 });
  }
  const results = cluster.results.get("job")!;
  expect([...results.keys()].toSorted((a, b) => a - b)).toEqual(everyInput(10));
  expect([...results].filter(([, result]) => result === "cancelled").map(([input]) => input)).toEqual([
    1, 8, 9,
  ]);
});

test("leaseTtlMs: a worker that reports nothing but itself keeps its leases, a silent one loses them", () => {
  const cluster = new ScheduledCluster().worker("w").worker("quiet").job("job", 2);
  for (let ms = 0; ms < 30_000; ms += 3_000) {
    cluster.pass(3_000).send({ type: "WorkerHeard", worker: "w" });
  }
  expect(cluster.workers).toEqual(new Set(["w"]));
  expect(cluster.inputsOf("w")).toEqual([[0]]);
  cluster.report("w", { ms: 1 });
  expect(cluster.inputsOf("w")).toEqual([[1]]);
});

test("an alarm is asked for once, and again after it rang", () => {
  const cluster = new ScheduledCluster().worker("w");
  expect(cluster.effects).toEqual([{ type: "WakeAt", atMs: 15_000 }]);
  cluster.nowMs = 1;
  expect(cluster.worker("w2").effects).toEqual([]);
  expect(cluster.send({ type: "Tick" }).effects).toEqual([{ type: "WakeAt", atMs: 15_000 }]);
});

test("draining: nothing new is leased, what runs may finish, what cannot comes back", () => {
  const cluster = new ScheduledCluster().worker("w", { slots: 2 }).job("job", 3);
  cluster.send({ type: "WorkerDraining", worker: "w" }).report("w");
  expect(cluster.inputsOf("w")).toEqual([[1]]);
  const [lease] = cluster.leasesOf("w");
  cluster.leases.delete(lease!.no);
  cluster.send({ type: "UnitReturned", worker: "w", lease: lease!.no, reason: "drain" });
  expect(cluster.lose("w", "left").effectsOf("RecordRetries")).toEqual([]);
  cluster.worker("w2", { slots: 2 });
  expect(cluster.inputsOf("w2").flat()).toEqual([1, 2]);
});

test("an overloaded worker is left alone for a while", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 1);
  const [lease] = cluster.leasesOf("w");
  cluster.leases.delete(lease!.no);
  cluster.send({ type: "UnitReturned", worker: "w", lease: lease!.no, reason: "overload" });
  expect(cluster.leasesOf("w")).toEqual([]);
  cluster.pass(3_000);
  expect(cluster.inputsOf("w")).toEqual([[0]]);
});

test("a worker may change how many slots it offers", () => {
  const cluster = new ScheduledCluster().worker("w", { slots: 0 }).job("job", 9);
  expect(cluster.leasesOf("w")).toEqual([]);
  cluster.send({ type: "WorkerHeard", worker: "w", slots: 2 });
  expect(cluster.inputsOf("w")).toEqual([[0], [1]]);
  cluster.send({ type: "WorkerHeard", worker: "w", slots: 1 }).report("w", { ms: 1_000 });
  expect(cluster.inputsOf("w")).toEqual([[1]]);
});

test("a worker that joins again before it was missed begins anew", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 1);
  cluster.leases.clear();
  cluster.worker("w");
  expect(cluster.inputsOf("w")).toEqual([[0]]);
  expect(cluster.effectsOf("RecordRetries")).toEqual([]);
});
