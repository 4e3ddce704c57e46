import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";

test("a failing input does not touch the others of its unit", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 40).report("w", { ms: 60 });
  cluster.report("w", { fail: { 0: "error", 3: "timeout", 4: "unserializable" }, ms: 1 });
  expect(cluster.effectsOf("RecordResults")).toMatchObject([
    {
      kept: [[0, 16]],
      ranges: [[1, 17]],
      failures: [
        { at: 0, kind: "error", fingerprint: "error" },
        { at: 3, kind: "timeout" },
        { at: 4, kind: "unserializable" },
      ],
      retries: [],
    },
  ]);
});

test("unitRangesMax: scattered retries travel together up to there", () => {
  const cluster = new ScheduledCluster({ unitRangesMax: 2, prefetchUnitsMax: 0 }).worker("w");
  cluster.job("job", 33, { retries: 1, backoffMs: 0 }).report("w", { ms: 1 });
  cluster.report("w", { fail: { 0: "error", 3: "error", 6: "error", 9: "error", 12: "error" } });
  const units: number[][] = [];
  for (let turn = 0; !cluster.ended.has("job") && turn < 5_000; turn++) {
    const [inputs] = cluster.inputsOf("w");
    if (inputs === undefined) {
      cluster.heartbeat().pass(1);
      continue;
    }
    if (cluster.leasesOf("w")[0]!.descriptor.failures > 0) units.push([...inputs]);
    cluster.report("w", { ms: 1 });
  }
  expect(units.flat().toSorted((a, b) => a - b)).toEqual([1, 4, 7, 10, 13]);
  expect(Math.max(...units.map(({ length }) => length))).toBe(2);
});

test("retryBackoffMaxMs: failing inputs are tried again, together, after a back-off that doubles and has an end", () => {
  const cluster = new ScheduledCluster({ retryBackoffMaxMs: 1_500 }).worker("w");
  cluster.job("job", 33, { retries: 3, backoffMs: 400 }).report("w", { ms: 1 });
  cluster.report("w", { fail: { 0: "error", 3: "timeout", 15: "error" } });
  expect(cluster.effectsOf("RecordResults")[0]).toMatchObject({
    kept: [
      [1, 3],
      [4, 15],
    ],
    ranges: [
      [2, 4],
      [5, 16],
    ],
    failures: [],
    retries: [
      {
        failures: 1,
        strikes: 0,
        ranges: [
          [1, 2],
          [4, 5],
          [16, 17],
        ],
      },
    ],
  });
  while (cluster.leasesOf("w").length > 0) cluster.report("w");
  const delays: number[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    expect(cluster.leasesOf("w")).toEqual([]);
    const failedMs = cluster.nowMs;
    while (cluster.leasesOf("w").length === 0) cluster.heartbeat().pass(1);
    delays.push(cluster.nowMs - failedMs);
    expect(cluster.inputsOf("w")).toEqual([[1, 4, 16]]);
    expect(cluster.leasesOf("w")[0]!.descriptor).toMatchObject({ failures: attempt, strikes: 0 });
    cluster.report("w", { fail: { 0: "error", 1: "error", 2: "error" } });
  }
  for (const [at, least] of [400, 800, 1_500].entries()) {
    expect(delays[at]).toBeGreaterThanOrEqual(least);
    expect(delays[at]).toBeLessThanOrEqual(least * 1.25 + 1);
  }
  expect(cluster.ended.has("job")).toBe(true);
  expect([...cluster.results.get("job")!].filter(([, result]) => result === "error").length).toBe(3);
});

test("an input that kills its sandbox again and again is quarantined, alone in its unit", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 33, { maxAttempts: 3, retries: 5 });
  cluster.report("w", { ms: 60 }).report("w", { fail: { 2: "crash" } });
  expect(cluster.effectsOf("RecordResults")[0]!.retries).toEqual([
    { failures: 0, strikes: 4, ranges: [[3, 4]] },
  ]);
  while (cluster.leasesOf("w")[0]!.descriptor.strikes === 0) cluster.report("w");
  expect(cluster.inputsOf("w")).toEqual([[3]]);
  cluster.report("w", { fail: { 0: "crash" } });
  expect(cluster.leasesOf("w")[0]!.descriptor).toMatchObject({ strikes: 8, ranges: [[3, 4]] });
  cluster.report("w", { fail: { 0: "crash" } });
  expect(cluster.effectsOf("RecordResults")[0]).toMatchObject({
    kept: [[0, 1]],
    failures: [{ kind: "quarantined" }],
  });
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
});

test("suspects travel alone, after everybody else", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 60).report("w", { ms: 60 });
  cluster.report("w", { fail: { 0: "crash", 1: "crash", 2: "crash" } });
  const suspects: number[][] = [];
  while (!cluster.ended.has("job")) {
    const [lease] = cluster.leasesOf("w");
    if (lease!.descriptor.strikes > 0) suspects.push([...lease!.inputs]);
    else expect(suspects).toEqual([]);
    cluster.report("w");
  }
  expect(suspects).toEqual([[1], [2], [3]]);
});

test("who refuses a job is not asked again while it stays, and the input is unharmed", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 2);
  cluster.report("w", { fail: { 0: "refused" } });
  expect(cluster.effects).toEqual([]);
  expect(cluster.leasesOf("w")).toEqual([]);
  cluster.job("other", 1);
  expect(cluster.leasesOf("w")[0]!.job).toBe("other");
  cluster.report("w", { ms: 1 }).worker("w2", { slots: 2 }).pass(1);
  expect(cluster.inputsOf("w2")).toEqual([[0], [1]]);
  expect(cluster.leasesOf("w2")[0]!.descriptor).toMatchObject({ failures: 0, strikes: 0 });
  cluster.lose("w", "left").worker("w");
  cluster.lose("w2", "left");
  expect(cluster.inputsOf("w")).toEqual([[0]]);
});

test("a whole unit can be refused", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 1);
  const [lease] = cluster.leasesOf("w");
  cluster.leases.clear();
  cluster.send({ type: "UnitReturned", worker: "w", lease: lease!.no, reason: "refused" });
  expect(cluster.leasesOf("w")).toEqual([]);
});

test("kinds that only the hub makes count as errors when a worker says them", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 2, { retries: 1 });
  cluster.report("w", { fail: { 0: "quarantined" } });
  expect(cluster.effectsOf("RecordResults")[0]).toMatchObject({ kept: [], retries: [{ failures: 1 }] });
  cluster.report("w", { fail: { 0: "cancelled" } });
  expect(cluster.effectsOf("RecordResults")[0]).toMatchObject({ failures: [{ kind: "error" }] });
});

test("a vanished worker's running inputs get one strike, everything else comes back unharmed", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 40).report("w", { ms: 30 });
  cluster.report("w", { count: 13, ms: 60 });
  const queued = cluster.inputsOf("w").slice(1).flat();
  expect(queued.length).toBeGreaterThan(0);
  cluster.lose("w");
  expect(cluster.effects).toEqual([
    { type: "RecordRetries", job: "job", retries: [{ failures: 0, strikes: 1, ranges: [[14, 15]] }] },
  ]);
  cluster.worker("w2");
  const units: { strikes: number; inputs: readonly number[] }[] = [];
  while (!cluster.ended.has("job")) {
    const [lease] = cluster.leasesOf("w2");
    units.push({ strikes: lease!.descriptor.strikes, inputs: lease!.inputs });
    cluster.report("w2", { ms: 1 });
  }
  expect(units.at(-1)).toEqual({ strikes: 1, inputs: [14] });
  expect(units.slice(0, -1).every(({ strikes }) => strikes === 0)).toBe(true);
});

test("a worker that left leaves no suspicion", () => {
  const cluster = new ScheduledCluster().worker("w").job("job", 2);
  expect(cluster.lose("w", "left").effects).toEqual([]);
});

test("lossesPerStrike: an input under which worker after worker vanishes is given up", () => {
  const cluster = new ScheduledCluster({ lossesPerStrike: 2 }).job("job", 1, { maxAttempts: 2 });
  for (let loss = 1; loss <= 3; loss++) {
    cluster.worker(`w${loss}`).lose(`w${loss}`);
    expect(cluster.effectsOf("RecordRetries")).toMatchObject([{ retries: [{ strikes: loss }] }]);
  }
  cluster.worker("w4").lose("w4");
  expect(cluster.effects).toMatchObject([
    { type: "RecordFailures", ranges: [[0, 1]], kind: "quarantined" },
    { type: "EndJob", state: "done" },
  ]);
});

test("breakerInputsMin and breakerFailedShare: the breaker stops a job that fails nearly everywhere, and says so", () => {
  const cluster = new ScheduledCluster({ breakerInputsMin: 100, prefetchUnitsMax: 0 }).worker("w");
  cluster.job("job", 10_000).worker("w2");
  while (!cluster.ended.has("job")) {
    const count = cluster.inputsOf("w")[0]!.length;
    const fail = Object.fromEntries(Array.from({ length: count }, (_, at) => [at, "error" as const]));
    cluster.report("w", { ms: count, fail });
  }
  expect(cluster.ended.get("job")).toMatchObject({
    state: "broken",
    reason: "273 of 273 inputs failed (100.0 %)",
  });
  expect(cluster.effects.map(({ type }) => type)).toEqual(["RecordResults", "RevokeLease", "EndJob"]);
});

test("what was cancelled does not trip the breaker", () => {
  const cluster = new ScheduledCluster({ breakerInputsMin: 10 }).worker("w").job("job", 50);
  cluster.send({ type: "JobCancelled", job: "job", reason: "", ranges: [[10, 50]] });
  cluster.report("w", { fail: { 0: "error" } });
  expect(cluster.ended.size).toBe(0);
});
