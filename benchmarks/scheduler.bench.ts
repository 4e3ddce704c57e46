/*
 * How fast the scheduler itself is, without sockets, journal and workers: `npx tsx benchmarks/scheduler.bench.ts`.
 * A step is one event with all its effects.
 */
import { performance } from "node:perf_hooks";
import { defaultLimits, type EnrolledWorker, type JobSpec } from "../src/protocol/index.ts";
import {
  createScheduler,
  type LeaseDescriptor,
  type LeaseNo,
  type Scheduler,
  type SchedulerEvent,
  step,
} from "../src/scheduler/index.ts";

type Untimed<E = SchedulerEvent> = E extends SchedulerEvent ? Omit<E, "nowMs"> : never;

interface Lease {
  readonly no: LeaseNo;
  readonly worker: string;
  readonly count: number;
  keep: number;
}

const countOf = ({ ranges }: LeaseDescriptor) => ranges.reduce((sum, [start, end]) => sum + end - start, 0);

const jobSpec = (job: string, priority: number): JobSpec => ({
  job,
  title: job,
  task: { bundle: job, entry: "export:f", title: "f", timeoutMs: 1_000, memoryBytes: 1, net: [] },
  options: { retries: 0, backoffMs: 0, maxAttempts: 3, priority, needs: {}, attached: false },
});

const description: EnrolledWorker = {
  name: "w",
  version: "0",
  platform: "linux",
  arch: "x64",
  cores: 1,
  memoryBytes: 1e9,
  slots: 1,
  sandbox: "deno",
  engineClass: "v8",
  allowNet: [],
  labels: [],
  capabilities: [],
  speed: 1,
  person: "w",
  trusted: false,
  projects: ["default"],
};

/** Runs every lease in the order in which it was given; a virtual clock goes on by what it takes. */
class Bench {
  readonly state: Scheduler = createScheduler(defaultLimits);
  readonly queue: Lease[] = [];
  readonly #open = new Map<LeaseNo, Lease>();
  readonly #msPerInput: number;
  readonly #workers: number;
  #nowMs = 0;
  steps = 0;
  inputs = 0;
  leases = 0;

  constructor(workers: number, jobs: number, inputsPerJob: number, msPerInput: number) {
    this.#workers = workers;
    this.#msPerInput = msPerInput;
    for (let at = 0; at < workers; at++) this.send({ type: "WorkerJoined", worker: `w${at}`, description });
    for (let at = 0; at < jobs; at++) {
      const job = `j${at}`;
      this.send({ type: "JobSubmitted", spec: jobSpec(job, (at % 5) - 2) });
      this.send({ type: "InputsAppended", job, count: inputsPerJob, bytes: inputsPerJob });
      this.send({ type: "InputsSealed", job });
    }
  }

  send(event: Untimed): void {
    this.steps++;
    for (const effect of step(this.state, { ...event, nowMs: this.#nowMs } as SchedulerEvent)) {
      if (effect.type === "LeaseUnit") {
        const { lease: no, descriptor } = effect;
        const lease = {
          no,
          worker: descriptor.worker,
          count: countOf(descriptor),
          keep: countOf(descriptor),
        };
        this.#open.set(no, lease);
        this.queue.push(lease);
        this.leases++;
      } else if (effect.type === "TrimLease") {
        this.#open.get(effect.lease)!.keep = effect.keep;
      } else if (effect.type === "RevokeLease") {
        this.#open.delete(effect.lease);
      }
    }
  }

  /** Until all is done or so many steps are made; each lease is reported in two parts, as a worker would. */
  run(stepsMax: number): void {
    const last = this.steps + stepsMax;
    for (let at = 0; at < this.queue.length && this.steps < last; at++) {
      const lease = this.queue[at]!;
      if (!this.#open.has(lease.no)) continue;
      const half = lease.keep > 1 ? lease.keep >> 1 : 0;
      if (half > 0) this.#report(lease, 0, half, false);
      if (this.#open.delete(lease.no)) this.#report(lease, half, lease.keep - half, true);
    }
  }

  #report(lease: Lease, from: number, count: number, done: boolean): void {
    const elapsedMs = count * this.#msPerInput;
    // The other workers' slots were busy meanwhile too.
    this.#nowMs += elapsedMs / this.#workers;
    this.inputs += count;
    const { no, worker } = lease;
    const sizes = { from, count, bytes: count, failures: [] };
    this.send({ type: "UnitProgressed", worker, lease: no, ...sizes, elapsedMs, done });
  }
}

function measure(name: string, make: () => Bench, stepsMax: number): void {
  make().run(stepsMax / 10);
  const setUpMs = performance.now();
  const bench = make();
  const startMs = performance.now();
  const { steps, inputs, leases } = bench;
  bench.run(stepsMax);
  const seconds = (performance.now() - startMs) / 1000;
  const rate = (count: number) => Math.round(count / seconds).toLocaleString("en");
  console.log(
    [
      name.padEnd(44),
      `${(startMs - setUpMs).toFixed(0)} ms`.padStart(9),
      rate(bench.steps - steps).padStart(11),
      rate(bench.leases - leases).padStart(11),
      rate(bench.inputs - inputs).padStart(15),
      `${((seconds * 1e6) / (bench.steps - steps)).toFixed(2)} µs`.padStart(11),
    ].join(""),
  );
}

console.log(`${"".padEnd(44)}   set-up    steps/s    leases/s       inputs/s       a step`);
measure("1 job × 2 workers, single inputs of 1 s", () => new Bench(2, 1, 200_000, 1_000), 200_000);
measure("1 job × 2 workers, units of 1,000", () => new Bench(2, 1, 100_000_000, 1), 200_000);
measure("1 job × 2 workers, no-op units of 65,536", () => new Bench(2, 1, 1_000_000_000, 0.001), 30_000);
measure("1 job × 10,000 workers", () => new Bench(10_000, 1, 100_000_000, 10), 200_000);
measure("1,000 jobs × 10,000 workers", () => new Bench(10_000, 1_000, 100_000, 10), 200_000);
measure("1,000 jobs × 10,000 workers, to the end", () => new Bench(10_000, 1_000, 300, 100), 2_000_000);
measure("1 job × 10,000 workers, to the end", () => new Bench(10_000, 1, 300_000, 100), 2_000_000);
