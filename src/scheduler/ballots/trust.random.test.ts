import fc from "fast-check";
import { expect, test } from "vitest";
import { act } from "../../../test/support/act.ts";
import { type OpenLease, ScheduledCluster, smallLimits } from "../../../test/support/scheduled-cluster.ts";
import { CANARY_BASE, type Limits, type QuorumSpec } from "../../protocol/index.ts";

const limits: Limits = {
  ...smallLimits,
  unitInputsMax: 7,
  lossesPerStrike: 100,
  breakerInputsMin: 1_000,
  provenStreakMin: 3,
  checkIntervalInputsMax: 5,
  undecidedInputsMax: 12,
};

const answer = (input: number) => `answer ${input}`;
const knownAnswers = [0, 1, 2, 3].map((canary) => answer(CANARY_BASE + canary));
/** Who answers how; a worker's name begins with its person's. */
const conduct: Readonly<Record<string, (input: number) => string>> = {
  ada: answer,
  bob: answer,
  cem: answer,
  notary: answer,
  liar: (input) => `a lie of one on ${input}`,
  fibber: (input) => `another lie on ${input}`,
  eve: (input) => `the agreed lie on ${input}`,
  mallory: (input) => `the agreed lie on ${input}`,
  trudy: (input) => `the agreed lie on ${input}`,
};
const people = Object.keys(conduct);
const engines = ["v8-1", "v8-2"];

const pick = fc.nat({ max: 30 });

const job = fc.constantFrom("a", "b");
const action = fc.oneof(
  {
    weight: 8,
    arbitrary: act("join", {
      person: fc.constantFrom(...people),
      machine: fc.nat({ max: 1 }),
      engine: fc.constantFrom(0, 0, 0, 1),
      slots: fc.integer({ min: 1, max: 2 }),
    }),
  },
  { weight: 3, arbitrary: act("lose", { pick, vanished: fc.boolean() }) },
  {
    weight: 30,
    arbitrary: act("report", { pick, count: fc.nat({ max: 7 }), ms: fc.constantFrom(0, 5, 50) }),
  },
  {
    weight: 2,
    arbitrary: act("fail", { pick, kind: fc.constantFrom("error" as const, "timeout" as const) }),
  },
  { weight: 3, arbitrary: act("late", { pick, worker: pick, from: fc.nat({ max: 3 }) }) },
  { weight: 2, arbitrary: act("present", { pick, worker: pick }) },
  {
    weight: 2,
    arbitrary: act("giveBack", { pick, reason: fc.constantFrom("overload" as const, "drain" as const) }),
  },
  { weight: 2, arbitrary: act("append", { job, count: fc.integer({ min: 1, max: 10 }) }) },
  { weight: 1, arbitrary: act("cancel", { job, from: pick, count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: act("pass", { ms: fc.constantFrom(10, 200, 900), heard: fc.boolean() }) },
  { weight: 1, arbitrary: act("restart", {}) },
  { weight: 6, arbitrary: act("compare", { pick }) },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** What a task that computes with floating point takes for the same. */
const meaning = (text: string) => text.split(" ~")[0]!;
const isSame = (one: string, other: string) => meaning(one) === meaning(other);

const personOf = (worker: string) => worker.split("/")[0]!;

/** A cluster of honest people and of liars who lie from the start. */
class Turmoil {
  readonly cluster = new ScheduledCluster(limits);
  readonly past: OpenLease[] = [];
  /** What people said, by job and input. */
  readonly said = new Map<string, Map<string, Set<string>>>();
  readonly engine = new Map<string, string>();

  readonly quorum: QuorumSpec;

  constructor(quorum: QuorumSpec) {
    this.quorum = quorum;
    const canaries = quorum.same ? {} : { canaries: knownAnswers };
    for (const id of ["a", "b"]) this.cluster.submit(id, { quorum, retries: 1, ...canaries }).append(id, 5);
  }

  perform(action: Action): void {
    const { cluster } = this;
    const workers = [...cluster.workers];
    const open = [...cluster.leases.values()];
    switch (action.type) {
      case "join":
        this.#join(`${action.person}/${action.machine}`, engines[action.engine]!, action.slots);
        break;
      case "lose": {
        const worker = workers[action.pick % Math.max(1, workers.length)];
        if (worker !== undefined) cluster.lose(worker, action.vanished ? "dropped" : "left");
        break;
      }
      case "append":
        if (cluster.state.jobs.has(action.job)) cluster.append(action.job, action.count);
        break;
      case "cancel": {
        const ranges = [[action.from, action.from + action.count]] as const;
        cluster.send({ type: "JobCancelled", job: action.job, reason: "unwanted", ranges });
        break;
      }
      case "pass":
        if (action.heard) cluster.heartbeat();
        cluster.pass(action.ms);
        break;
      case "restart":
        cluster.restart();
        break;
      case "compare":
        if (cluster.comparisons.length > 0) {
          cluster.compare(isSame, action.pick % cluster.comparisons.length);
        }
        break;
      case "late":
      case "present":
        this.#again(action, workers);
        break;
      default: {
        const lease = open[action.pick % Math.max(1, open.length)];
        if (lease !== undefined) this.#ofLease(action, lease);
      }
    }
    for (const lease of cluster.leases.values()) if (!this.past.includes(lease)) this.past.push(lease);
    this.check();
  }

  #join(worker: string, engineClass: string, slots: number): void {
    const { cluster } = this;
    for (const lease of cluster.leasesOf(worker)) cluster.leases.delete(lease.no);
    const person = personOf(worker);
    cluster.worker(worker, { person, trusted: person === "notary", engineClass, slots });
  }

  #again(action: Extract<Action, { type: "late" | "present" }>, workers: readonly string[]): void {
    const { cluster, past } = this;
    const lease = past[action.pick % Math.max(1, past.length)];
    const worker = workers[action.worker % Math.max(1, workers.length)];
    if (lease === undefined || worker === undefined) return;
    if (action.type === "present") {
      // It comes back as a person of the same name, whoever that was.
      cluster.present(lease.worker, [{ descriptor: lease.descriptor, from: 0 }]);
      this.#join(lease.worker, engines[0]!, 1);
      return;
    }
    if (action.from >= lease.inputs.length) return;
    for (const input of lease.inputs.slice(action.from)) this.#note(worker, lease.job, input);
    cluster.late(worker, lease, action.from, this.#answersOf(worker));
  }

  #ofLease(action: Extract<Action, { type: "report" | "fail" | "giveBack" }>, lease: OpenLease): void {
    const { cluster } = this;
    const { worker, no } = lease;
    if (action.type === "giveBack") {
      cluster.leases.delete(no);
      cluster.send({ type: "UnitReturned", worker, lease: no, reason: action.reason });
      return;
    }
    if (action.type === "fail") {
      cluster.report(worker, {
        lease: no,
        count: 1,
        fail: { 0: action.kind },
        done: lease.inputs.length === lease.reported + 1,
      });
      return;
    }
    const count = Math.min(action.count, lease.inputs.length - lease.reported);
    cluster.pass(action.ms);
    if (!cluster.leases.has(no)) return;
    this.answer(lease, count);
  }

  answer(lease: OpenLease, count: number): void {
    const { worker, no, job, inputs, reported } = lease;
    for (const input of inputs.slice(reported, reported + count)) this.#note(worker, job, input);
    const done = reported + count >= inputs.length;
    this.cluster.report(worker, { lease: no, count, done, ms: 1, answers: this.#answersOf(worker) });
  }

  /** Where the task compares, people's last bits differ. */
  #answersOf(worker: string): (input: number) => string {
    const person = personOf(worker);
    const bits = this.quorum.same ? ` ~${person.length % 3}` : "";
    return (input) => `${conduct[person]!(input)}${bits}`;
  }

  #note(worker: string, job: string, input: number): void {
    const key = `${job} ${input}`;
    const answers = this.said.get(key) ?? new Map<string, Set<string>>();
    this.said.set(key, answers);
    const text = conduct[personOf(worker)]!(input);
    answers.set(text, (answers.get(text) ?? new Set()).add(personOf(worker)));
  }

  /** Nothing wrong is believed, and what is believed enough people said. */
  check(): void {
    for (const [job, results] of this.cluster.results) {
      for (const [input, result] of results) {
        if (["error", "timeout", "disputed", "cancelled", "quarantined"].includes(result)) continue;
        expect(meaning(result)).toBe(answer(input));
        const accepted = this.cluster.accepted.get(`${job} ${input}`);
        const voices = this.said.get(`${job} ${input}`)?.get(meaning(result)) ?? new Set();
        if (accepted === "quorum") expect(voices.size).toBeGreaterThanOrEqual(this.quorum.agree);
        else if (accepted === "trusted") expect(voices).toContain("notary");
        else {
          expect(accepted).toBe("trust");
          expect(this.quorum.adaptive).toBe(true);
        }
      }
    }
    for (const { person, streak, bad } of this.cluster.people.values()) {
      if (conduct[person] === answer) expect(bad).toBe(0);
      else expect(streak).toBe(0);
    }
  }

  /** Honest people and a trusted worker do the rest. */
  finish(): void {
    const { cluster } = this;
    for (const worker of [...cluster.workers]) cluster.lose(worker, "left");
    for (const id of [...cluster.state.jobs.keys()]) cluster.seal(id);
    for (const worker of ["ada/0", "bob/0", "cem/0", "notary/0"]) this.#join(worker, engines[0]!, 1);
    for (let turn = 0; cluster.state.jobs.size > 0; turn++) {
      expect(turn, "it does not end").toBeLessThan(3_000);
      cluster.heartbeat();
      const [lease] = cluster.leases.values();
      if (cluster.comparisons.length > 0) cluster.compare(isSame);
      else if (lease === undefined) cluster.pass(50);
      else this.answer(lease, lease.inputs.length - lease.reported);
    }
    this.check();
    expect(cluster.candidates.size).toBe(0);
    for (const [id, results] of cluster.results) {
      const inputs = cluster.journal.reduce(
        (sum, record) => (record.type === "inputs" && record.job === id ? sum + record.count : sum),
        0,
      );
      expect(results.size).toBe(inputs);
    }
  }
}

test("whoever lies from the start is never believed, nothing is lost or believed twice, and everything ends", () => {
  fc.assert(
    fc.property(
      fc.constantFrom<[number, number]>([2, 2], [2, 3], [3, 5]),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      fc.array(action, { minLength: 1, maxLength: 150, size: "max" }),
      ([agree, of], adaptive, deterministic, same, actions) => {
        const turmoil = new Turmoil({ agree, of, adaptive, deterministic, same });
        for (const action of actions) turmoil.perform(action);
        turmoil.finish();
      },
    ),
    { numRuns: Number(process.env.RANDOM_RUNS ?? 40), endOnFailure: process.env.RANDOM_RUNS !== undefined },
  );
}, 600_000);
