import fc from "fast-check";
import { expect, test } from "vitest";
import { act } from "../../test/support/act.ts";
import { type OpenLease, ScheduledCluster, smallLimits } from "../../test/support/scheduled-cluster.ts";
import { SchedulerModel } from "../../test/support/scheduler-model.ts";
import { type FailureKind, failureKinds, type Limits, type Range } from "../protocol/index.ts";

const limits: Limits = {
  ...smallLimits,
  unitInputsMax: 7,
  speculationAfterMs: 150,
  retryBackoffMaxMs: 400,
  lossesPerStrike: 2,
  breakerInputsMin: 5,
  breakerFailedShare: 0.6,
};

const jobs = ["a", "b", "c"] as const;
const workers = ["w0", "w1", "w2", "w3"] as const;
const job = fc.constantFrom(...jobs);
const worker = fc.constantFrom(...workers);
const count = fc.integer({ min: 1, max: 12 });
const pick = fc.nat({ max: 30 });

const failures = fc.dictionary(
  fc.constantFrom("0", "1", "2", "3", "6"),
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<FailureKind>("error", "timeout", "crash") },
    { weight: 1, arbitrary: fc.constantFrom<FailureKind>(...failureKinds) },
  ),
  { maxKeys: 3 },
);

const action = fc.oneof(
  {
    weight: 3,
    arbitrary: act("submit", {
      job,
      count,
      priority: fc.integer({ min: -1, max: 1 }),
      retries: fc.nat({ max: 2 }),
      backoffMs: fc.constantFrom(0, 50, 300),
      maxAttempts: fc.integer({ min: 1, max: 2 }),
      picky: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: act("append", { job, count }) },
  { weight: 2, arbitrary: act("seal", { job }) },
  { weight: 1, arbitrary: act("cancel", { job }) },
  {
    weight: 3,
    arbitrary: act("adjust", {
      job,
      paused: fc.option(fc.boolean(), { nil: undefined }),
      priority: fc.option(fc.integer({ min: -2, max: 2 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: act("cancelInputs", { job, from: pick, count }) },
  {
    weight: 4,
    arbitrary: act("join", {
      worker,
      slots: fc.nat({ max: 3 }),
      speed: fc.constantFrom(1, 4),
      able: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: act("lose", {
      worker,
      reason: fc.constantFrom("left" as const, "dropped" as const, "dropped" as const),
    }),
  },
  { weight: 1, arbitrary: act("heard", { worker, slots: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: act("drain", { worker }) },
  {
    weight: 3,
    arbitrary: act("holds", {
      worker,
      job,
      from: fc.integer({ min: -2, max: 30 }),
      count,
      kept: fc.boolean(),
    }),
  },
  {
    weight: 20,
    arbitrary: act("report", {
      pick,
      count: fc.nat({ max: 8 }),
      ms: fc.constantFrom(0, 1, 10, 60),
      failures: fc.oneof(fc.constant({}), failures),
      done: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: act("garble", { pick, from: pick, count: pick, done: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: act("giveBack", {
      pick,
      reason: fc.constantFrom("drain" as const, "refused" as const, "overload" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: act("present", {
      worker,
      picks: fc.array(pick, { minLength: 1, maxLength: 3 }),
      from: fc.nat({ max: 6 }),
      replaces: fc.array(worker, { maxLength: 2 }),
      slots: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: act("late", {
      worker,
      pick,
      from: fc.nat({ max: 6 }),
      count: fc.integer({ min: 1, max: 4 }),
      failures,
    }),
  },
  { weight: 6, arbitrary: act("pass", { ms: fc.constantFrom(1, 20, 120, 700), heard: fc.boolean() }) },
  { weight: 1, arbitrary: act("restart", {}) },
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** A cluster to which anything may happen, watched by the model. */
class Turmoil {
  readonly model = new SchedulerModel(limits);
  readonly past: OpenLease[] = [];
  readonly submitted = new Set<string>();
  readonly cluster = new ScheduledCluster(limits, (event, effects) => this.model.observe(event, effects));

  perform(action: Action): void {
    const { cluster } = this;
    switch (action.type) {
      case "submit":
        this.#submit(action);
        break;
      case "append":
        // The journal has no inputs of a job that is over or sealed.
        if (this.model.jobs.get(action.job)?.sealed === false) cluster.append(action.job, action.count);
        break;
      case "seal":
        if (this.model.jobs.has(action.job)) cluster.seal(action.job);
        break;
      case "cancel":
        cluster.send({ type: "JobCancelled", job: action.job, reason: "unwanted" });
        break;
      case "adjust": {
        const { job, paused, priority } = action;
        const said = {
          ...(paused === undefined ? {} : { paused }),
          ...(priority === undefined ? {} : { priority }),
        };
        cluster.send({ type: "JobAdjusted", job, ...said });
        break;
      }
      case "cancelInputs": {
        const ranges: Range[] = [[action.from, action.from + action.count]];
        cluster.send({ type: "JobCancelled", job: action.job, reason: "unwanted", ranges });
        break;
      }
      case "join":
        for (const lease of cluster.leasesOf(action.worker)) cluster.leases.delete(lease.no);
        cluster.worker(action.worker, {
          slots: action.slots,
          speed: action.speed,
          labels: action.able ? ["able"] : [],
        });
        break;
      case "lose":
        cluster.lose(action.worker, action.reason);
        break;
      case "heard":
        cluster.send({ type: "WorkerHeard", worker: action.worker, slots: action.slots });
        break;
      case "holds": {
        const { worker, job, from, count, kept } = action;
        cluster.send({ type: "WorkerHolds", worker, job, ranges: [[from, from + count]], kept });
        break;
      }
      case "drain":
        cluster.send({ type: "WorkerDraining", worker: action.worker });
        break;
      case "pass":
        if (action.heard) cluster.heartbeat();
        cluster.pass(action.ms);
        break;
      case "present":
        this.#present(action);
        break;
      case "restart":
        this.model.restart(cluster.nowMs);
        cluster.restart();
        break;
      default:
        this.#ofLease(action);
    }
    for (const lease of cluster.leases.values()) if (!this.past.includes(lease)) this.past.push(lease);
  }

  #submit({ job, count, picky, type: _, ...options }: Extract<Action, { type: "submit" }>): void {
    if (this.submitted.has(job)) return;
    this.submitted.add(job);
    this.cluster.submit(job, { ...options, needs: picky ? { labels: ["able"] } : {} }).append(job, count);
  }

  #present({ worker, picks, from, replaces, slots }: Extract<Action, { type: "present" }>): void {
    const { cluster, past } = this;
    const leases = past.length === 0 ? [] : picks.map((pick) => past[pick % past.length]!);
    const units = leases.map(({ descriptor }) => ({ descriptor, from }));
    cluster.present(worker, units, replaces);
    cluster.send({ type: "WorkerHeard", worker, slots });
  }

  #ofLease(action: Extract<Action, { type: "report" | "garble" | "giveBack" | "late" }>): void {
    const { cluster, past } = this;
    const open = [...cluster.leases.values()];
    const from = action.type === "late" ? past : open;
    const lease = from[action.pick % Math.max(from.length, 1)];
    if (lease === undefined) return;
    const { no, worker, descriptor } = lease;
    switch (action.type) {
      case "report":
        this.#report(lease, action);
        break;
      case "garble":
        cluster.send({
          type: "UnitProgressed",
          worker,
          lease: no,
          from: lease.reported + 1 + action.from,
          count: action.count,
          failures: [],
          elapsedMs: 1,
          bytes: 1,
          done: action.done,
        });
        break;
      case "giveBack":
        cluster.leases.delete(no);
        cluster.send({ type: "UnitReturned", worker, lease: no, reason: action.reason });
        break;
      case "late":
        cluster.send({
          type: "LateResults",
          worker: action.worker,
          descriptor,
          from: action.from,
          count: action.count,
          failures: marks(action.failures, action.count),
        });
        break;
    }
  }

  /** A report may go beyond a trim (the worker had begun), and may leave the end for later. */
  #report(lease: OpenLease, action: Extract<Action, { type: "report" }>): void {
    const count = Math.min(action.count, lease.inputs.length - lease.reported);
    const fail = Object.fromEntries(Object.entries(action.failures).filter(([at]) => Number(at) < count));
    const isEnd = lease.reported + count >= lease.keep;
    const done = isEnd && (action.done || lease.reported + count === lease.inputs.length);
    this.cluster.pass(action.ms);
    // It may have been lost while time passed.
    if (!this.cluster.leases.has(lease.no)) return;
    this.cluster.report(lease.worker, { lease: lease.no, count, fail, done });
  }

  /** One honest, able, patient worker does the rest. */
  finish(): void {
    const { cluster } = this;
    cluster.worker("honest", { slots: 2, labels: ["able"] });
    for (const other of [...cluster.workers]) if (other !== "honest") cluster.lose(other, "left");
    for (const id of [...this.model.jobs.keys()]) {
      cluster.seal(id);
      cluster.send({ type: "JobAdjusted", job: id, paused: false });
    }
    for (let turn = 0; this.model.jobs.size > 0; turn++) {
      expect(turn, "it does not end").toBeLessThan(2_000);
      cluster.heartbeat();
      const [lease] = cluster.leasesOf("honest");
      if (lease === undefined) cluster.pass(50);
      else cluster.report("honest", { ms: 1 });
    }
    expect(cluster.state.jobs.size + cluster.state.leases.size + cluster.state.demands.size).toBe(0);
  }
}

const marks = (failures: Readonly<Record<string, FailureKind>>, count: number) =>
  Object.entries(failures)
    .map(([at, kind]) => ({ at: Number(at), kind, fingerprint: kind }))
    .filter(({ at }) => at < count);

test("whatever happens, nothing is lost or done twice, and everything ends", () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 120, size: "max" }), (actions) => {
      const turmoil = new Turmoil();
      for (const action of actions) turmoil.perform(action);
      turmoil.finish();
      // Every input of a job that was done has exactly one result; the cluster checks that it is one at most.
      for (const [id, end] of turmoil.cluster.ended) {
        if (end.state !== "done") continue;
        const inputs = turmoil.cluster.journal.reduce(
          (sum, record) => (record.type === "inputs" && record.job === id ? sum + record.count : sum),
          0,
        );
        expect(turmoil.cluster.results.get(id)?.size ?? 0).toBe(inputs);
      }
    }),
    { numRuns: Number(process.env.RANDOM_RUNS ?? 300) },
  );
}, 120_000);
