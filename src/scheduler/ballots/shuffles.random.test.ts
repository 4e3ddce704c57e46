import fc from "fast-check";
import { expect, test } from "vitest";
import { act } from "../../../test/support/act.ts";
import {
  type OpenLease,
  ScheduledCluster,
  smallLimits,
  workerDescription,
} from "../../../test/support/scheduled-cluster.ts";
import type { Limits, QuorumSpec } from "../../protocol/index.ts";
import { mapStageId, recoverRecord, type SchedulerEffect } from "../index.ts";

const limits: Limits = {
  ...smallLimits,
  unitInputsMax: 5,
  missingRetryMs: 200,
  lossesPerStrike: 100,
  provenStreakMin: 3,
  checkIntervalInputsMax: 4,
  undecidedInputsMax: 12,
};

const JOB = "job";
const MAP = mapStageId(JOB);
/** Fewer than disagree for good before anybody is proven. */
const people = ["ada", "bob", "cem", "liar", "fibber", "notary"] as const;
const liars: readonly string[] = ["liar", "fibber"];
const personOf = (worker: string) => worker.split("/")[0]!;

const pick = fc.nat({ max: 30 });
const worker = fc.record({ person: fc.constantFrom(...people), machine: fc.nat({ max: 1 }) });
const range = fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 4 }));

const action = fc.oneof(
  { weight: 8, arbitrary: act("join", { worker, slots: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 3, arbitrary: act("lose", { pick, vanished: fc.boolean() }) },
  {
    weight: 45,
    arbitrary: act("report", { pick, count: fc.constantFrom(0, 1, 5, 5), ms: fc.constantFrom(0, 5, 50) }),
  },
  { weight: 2, arbitrary: act("miss", { pick }) },
  { weight: 2, arbitrary: act("giveBack", { pick, reason: fc.constantFrom("overload", "missing") }) },
  { weight: 3, arbitrary: act("late", { pick }) },
  { weight: 3, arbitrary: act("present", { pick }) },
  { weight: 2, arbitrary: act("append", { count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 3, arbitrary: act("seal", {}) },
  { weight: 3, arbitrary: act("loseOutputs", { ranges: fc.array(range, { minLength: 1, maxLength: 2 }) }) },
  { weight: 3, arbitrary: act("pass", { ms: fc.constantFrom(10, 200, 900) }) },
  { weight: 1, arbitrary: act("full", { full: fc.boolean() }) },
  { weight: 1, arbitrary: act("restart", {}) },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/**
 * A shuffle of strangers, whose answers differ from engine to engine: a partition is what its reducer's engine makes
 * of the rows that were there when it was leased.
 */
class Turmoil {
  readonly cluster: ScheduledCluster = new ScheduledCluster(limits, (_, effects) => this.#observe(effects));
  readonly partitions: number;
  readonly quorum: QuorumSpec;
  readonly past: OpenLease[] = [];
  readonly #read = new Map<number, string>();
  #size = 0;
  #sealed = false;

  /** @param known who is proven from the start, and there */
  constructor(partitions: number, quorum: QuorumSpec, known: readonly string[]) {
    this.partitions = partitions;
    this.quorum = quorum;
    const { cluster } = this;
    for (const worker of known) {
      const person = personOf(worker);
      const record = { person, streak: limits.provenStreakMin, valid: 3, bad: 0 };
      cluster.people.set(person, { type: "person", ...record });
      recoverRecord(cluster.state, { type: "person", ...record });
    }
    cluster.submit(JOB, { partitions, quorum, maxAttempts: 100 });
    for (const worker of known) this.join(worker, 1);
  }

  get #rows(): ReadonlyMap<number, string> {
    return this.cluster.results.get(MAP) ?? new Map();
  }

  #observe(effects: readonly SchedulerEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== "LeaseUnit") continue;
      this.past.push(this.cluster.leases.get(effect.lease)!);
      if (effect.descriptor.job !== JOB) continue;
      // A partition is leased when all of its inputs are believed, and not before.
      expect([this.#sealed, this.#rows.size]).toEqual([true, this.#size]);
      this.#read.set(effect.lease, [...this.#rows].sort(([a], [b]) => a - b).join(", "));
    }
  }

  perform(action: Action): void {
    const { cluster } = this;
    const workers = [...cluster.workers];
    switch (action.type) {
      case "join":
        this.join(`${action.worker.person}/${action.worker.machine}`, action.slots);
        break;
      case "lose": {
        const worker = workers[action.pick % Math.max(1, workers.length)];
        if (worker !== undefined) cluster.lose(worker, action.vanished ? "dropped" : "left");
        break;
      }
      case "append":
        if (this.#sealed) break;
        this.#size += action.count;
        cluster.append(JOB, action.count);
        break;
      case "seal":
        this.seal();
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
      case "full":
        cluster.send({ type: "CandidatesFull", full: action.full });
        break;
      case "restart":
        cluster.restart();
        break;
      default:
        this.#ofLease(action);
    }
    this.check();
  }

  /** Machines of one person have one engine each. */
  join(worker: string, slots: number, presented: OpenLease[] = []): void {
    const { cluster } = this;
    for (const lease of cluster.leasesOf(worker)) cluster.leases.delete(lease.no);
    cluster.workers.add(worker);
    const person = personOf(worker);
    const engineClass = engineOf(worker);
    const description = workerDescription(worker, {
      person,
      trusted: person === "notary",
      engineClass,
      slots,
    });
    const units = presented.map(({ descriptor }) => ({ descriptor, from: 0 }));
    cluster.send({ type: "WorkerJoined", worker, description, presented: units });
  }

  begin(segments: number): void {
    if (segments === 0) return;
    this.#size = segments;
    this.cluster.append(JOB, segments);
    this.seal();
  }

  seal(): void {
    if (this.#sealed) return;
    this.#sealed = true;
    this.cluster.seal(JOB);
  }

  #ofLease(action: Extract<Action, { pick: number }>): void {
    const { cluster, past } = this;
    const open = [...cluster.leases.values()];
    const from = action.type === "late" || action.type === "present" ? past : open;
    const lease = from[action.pick % Math.max(1, from.length)];
    if (lease === undefined) return;
    const { no, worker, inputs, reported, job } = lease;
    switch (action.type) {
      case "report":
        cluster.pass(action.ms);
        if (cluster.leases.has(no)) this.answer(lease, Math.min(action.count, inputs.length - reported));
        break;
      case "miss":
        if (job !== JOB) break;
        cluster.report(worker, {
          lease: no,
          count: 1,
          fail: { 0: "missing" },
          done: inputs.length === reported + 1,
        });
        break;
      case "giveBack":
        cluster.leases.delete(no);
        cluster.send({ type: "UnitReturned", worker, lease: no, reason: action.reason as "missing" });
        break;
      case "late":
        if (cluster.workers.has(worker)) cluster.late(worker, lease, 0, this.#answersOf(lease));
        break;
      case "present": {
        const known = new Set(cluster.leases.keys());
        this.join(worker, 1, [lease]);
        for (const adopted of cluster.leases.values()) {
          if (!known.has(adopted.no) && !this.#read.has(adopted.no)) this.#adopt(adopted, lease);
        }
        break;
      }
    }
  }

  #adopt(lease: OpenLease, before: OpenLease): void {
    this.past.push(lease);
    const read = this.#read.get(before.no);
    if (read !== undefined && lease.job === JOB) this.#read.set(lease.no, read);
  }

  answer(lease: OpenLease, count: number): void {
    const { worker, no, inputs, reported } = lease;
    const done = reported + count >= inputs.length;
    this.cluster.report(worker, { lease: no, count, done, ms: 1, answers: this.#answersOf(lease) });
  }

  #answersOf({ worker, job, no }: OpenLease): (input: number) => string {
    const person = personOf(worker);
    if (liars.includes(person)) return (input) => `the lie of ${person} on ${input}`;
    const bits = this.quorum.deterministic ? "" : ` by ${engineOf(worker)}`;
    if (job === MAP) return (input) => `row ${input}${bits}`;
    return (input) => `part ${input} of ${this.#read.get(no)}${bits}`;
  }

  /** Nothing wrong is believed, and nobody is refuted who did as he should. */
  check(): void {
    for (const results of this.cluster.results.values()) {
      for (const result of results.values()) expect(result).toMatch(/^(row|part) /);
    }
    for (const { person, streak, bad } of this.cluster.people.values()) {
      if (liars.includes(person)) expect(streak).toBe(0);
      else expect([person, bad]).toEqual([person, 0]);
    }
  }

  /** Honest people and a trusted worker do the rest. */
  finish(): void {
    const { cluster } = this;
    this.seal();
    cluster.send({ type: "CandidatesFull", full: false });
    for (const worker of [...cluster.workers]) cluster.lose(worker, "left");
    if (!cluster.ended.has(JOB))
      for (const person of ["ada", "bob", "cem", "notary"]) this.join(`${person}/0`, 1);
    for (let turn = 0; !cluster.ended.has(JOB); turn++) {
      expect(turn, "it does not end").toBeLessThan(1_000);
      cluster.heartbeat();
      const [lease] = cluster.leases.values();
      if (lease === undefined) cluster.pass(50);
      else this.answer(lease, lease.inputs.length - lease.reported);
    }
    this.check();
    expect(cluster.ended.get(JOB)).toMatchObject({ state: "done", trust: { undecided: 0, provisional: 0 } });
    expect(cluster.results.get(JOB)!.size).toBe(this.partitions);
    expect(cluster.state.jobs.size + cluster.state.leases.size).toBe(0);
  }
}

const engineOf = (worker: string): string => (worker.endsWith("0") ? "v8-1" : "v8-2");

test("strangers' shuffles end, believe no lie of a row or a partition, and refute nobody for what was mapped again", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom<[number, number]>([2, 3], [3, 5]),
      fc.boolean(),
      fc.boolean(),
      fc.subarray(["ada/0", "bob/0", "bob/1", "cem/1", "notary/1"]),
      fc.nat({ max: 3 }),
      fc.array(action, { minLength: 1, maxLength: 150, size: "max" }),
      (partitions, [agree, of], adaptive, deterministic, known, segments, actions) => {
        const turmoil = new Turmoil(partitions, { agree, of, adaptive, deterministic }, known);
        turmoil.begin(segments);
        for (const each of actions) if (!turmoil.cluster.ended.has(JOB)) turmoil.perform(each);
        turmoil.finish();
      },
    ),
    { numRuns: Number(process.env.RANDOM_RUNS ?? 60), endOnFailure: process.env.RANDOM_RUNS !== undefined },
  );
}, 600_000);
