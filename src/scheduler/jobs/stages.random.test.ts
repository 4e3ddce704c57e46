import fc from "fast-check";
import { expect, test } from "vitest";
import { act } from "../../../test/support/act.ts";
import { type OpenLease, ScheduledCluster, smallLimits } from "../../../test/support/scheduled-cluster.ts";
import { countOf, type FailureKind, type Limits } from "../../protocol/index.ts";
import { mapStageId, type SchedulerEffect } from "../index.ts";

const limits: Limits = {
  ...smallLimits,
  unitInputsMax: 4,
  speculationAfterMs: 150,
  missingRetryMs: 200,
};

const JOB = "job";
const MAP = mapStageId(JOB);
const workers = ["w0", "w1", "w2"] as const;
const worker = fc.constantFrom(...workers);
const pick = fc.nat({ max: 30 });
const range = fc.tuple(fc.nat({ max: 12 }), fc.integer({ min: 1, max: 5 }));

const action = fc.oneof(
  { weight: 2, arbitrary: act("append", { count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: act("seal", {}) },
  { weight: 4, arbitrary: act("join", { worker, slots: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: act("lose", { worker, vanishes: fc.boolean() }) },
  {
    weight: 20,
    arbitrary: act("report", {
      pick,
      count: fc.nat({ max: 4 }),
      ms: fc.constantFrom(0, 1, 10, 60),
      fails: fc.constantFrom<FailureKind | undefined>(
        undefined,
        undefined,
        undefined,
        "missing",
        "error",
        "crash",
        "refused",
      ),
    }),
  },
  { weight: 2, arbitrary: act("giveBack", { pick, reason: fc.constantFrom("overload", "missing") }) },
  { weight: 3, arbitrary: act("present", { worker, pick, from: fc.nat({ max: 3 }) }) },
  { weight: 3, arbitrary: act("late", { worker, pick, from: fc.nat({ max: 3 }) }) },
  { weight: 6, arbitrary: act("loseOutputs", { ranges: fc.array(range, { minLength: 1, maxLength: 3 }) }) },
  { weight: 4, arbitrary: act("pass", { ms: fc.constantFrom(1, 20, 120, 700) }) },
  { weight: 2, arbitrary: act("pause", { paused: fc.boolean() }) },
  { weight: 1, arbitrary: act("restart", {}) },
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** A shuffle to which anything may happen; what holds of every step is checked at every step. */
class Turmoil {
  readonly partitions: number;
  readonly past: OpenLease[] = [];
  readonly cluster = new ScheduledCluster(limits, (_, effects) => this.#observe(effects));
  #size = 0;
  #sealed = false;
  #paused = false;

  constructor(partitions: number) {
    this.partitions = partitions;
    this.cluster.submit(JOB, { partitions, retries: 1_000, maxAttempts: 100 });
  }

  /** Which segments have a result, told by the effects alone; `ScheduledCluster` checks that none has two. */
  get #mapped(): number {
    return this.cluster.results.get(MAP)?.size ?? 0;
  }

  #observe(effects: readonly SchedulerEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "RecordAdjustment") this.#paused = effect.paused;
      if (effect.type !== "LeaseUnit") continue;
      expect(this.#paused).toBe(false);
      this.past.push(this.cluster.leases.get(effect.lease)!);
      if (effect.descriptor.job !== JOB) continue;
      // A partition is leased when all of its inputs are there, and not before.
      expect([this.#sealed, this.#mapped]).toEqual([true, this.#size]);
    }
  }

  perform(action: Action): void {
    const { cluster } = this;
    switch (action.type) {
      case "append":
        if (this.#sealed) break;
        this.#size += action.count;
        cluster.append(JOB, action.count);
        break;
      case "seal":
        this.seal();
        break;
      case "join":
        for (const lease of cluster.leasesOf(action.worker)) cluster.leases.delete(lease.no);
        cluster.worker(action.worker, { slots: action.slots });
        break;
      case "lose":
        cluster.lose(action.worker, action.vanishes ? "dropped" : "left");
        break;
      case "loseOutputs":
        cluster.loseOutputs(
          JOB,
          action.ranges.map(([start, count]) => [start, start + count] as const),
        );
        break;
      case "pass":
        cluster.heartbeat().pass(action.ms);
        break;
      case "pause":
        cluster.send({ type: "JobAdjusted", job: JOB, paused: action.paused });
        break;
      case "restart":
        cluster.restart();
        break;
      default:
        this.#ofLease(action);
    }
  }

  seal(): void {
    if (this.#sealed) return;
    this.#sealed = true;
    this.cluster.seal(JOB);
  }

  #ofLease(action: Extract<Action, { pick: number }>): void {
    const { cluster, past } = this;
    const from = action.type === "report" || action.type === "giveBack" ? [...cluster.leases.values()] : past;
    const lease = from[action.pick % Math.max(from.length, 1)];
    if (lease === undefined) return;
    const { no, worker, descriptor } = lease;
    if (action.type === "report") {
      const count = Math.min(action.count, lease.inputs.length - lease.reported);
      cluster.pass(action.ms);
      if (!cluster.leases.has(no)) return;
      const fail = action.fails === undefined || count === 0 ? {} : { [count - 1]: action.fails };
      cluster.report(worker, { lease: no, count, fail });
    } else if (action.type === "giveBack") {
      cluster.leases.delete(no);
      cluster.send({ type: "UnitReturned", worker, lease: no, reason: action.reason as "missing" });
    } else if (action.type === "present") {
      cluster.present(action.worker, [{ descriptor, from: action.from }]);
      cluster.send({ type: "WorkerHeard", worker: action.worker, slots: 1 });
    } else {
      const count = Math.min(1, countOf(descriptor.ranges) - action.from);
      if (count < 1) return;
      const late = { from: action.from, count, failures: [] };
      cluster.send({ type: "LateResults", worker: action.worker, descriptor, ...late });
    }
  }

  /** One honest worker does the rest. */
  finish(): void {
    const { cluster } = this;
    this.seal();
    cluster.send({ type: "JobAdjusted", job: JOB, paused: false });
    cluster.worker("honest", { slots: 2 });
    for (const other of [...cluster.workers]) if (other !== "honest") cluster.lose(other, "left");
    for (let turn = 0; !cluster.ended.has(JOB); turn++) {
      expect(turn, "it does not end").toBeLessThan(500);
      cluster.heartbeat();
      if (cluster.leasesOf("honest").length === 0) cluster.pass(50);
      else cluster.report("honest", { ms: 1 });
    }
    expect(cluster.ended.get(JOB)).toMatchObject({ state: "done" });
    expect(cluster.results.get(JOB)!.size).toBe(this.partitions);
    expect(cluster.state.jobs.size + cluster.state.leases.size + cluster.state.demands.size).toBe(0);
  }
}

test("wherever outputs are lost, no segment is, no partition begins without one, and everything ends", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(action, { minLength: 1, maxLength: 120, size: "max" }),
      (partitions, actions) => {
        const turmoil = new Turmoil(partitions);
        for (const each of actions) if (!turmoil.cluster.ended.has(JOB)) turmoil.perform(each);
        turmoil.finish();
      },
    ),
    { numRuns: Number(process.env.RANDOM_RUNS ?? 300) },
  );
}, 120_000);
