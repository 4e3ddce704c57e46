import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { defaultLimits, type EnrolledWorker, type FailureMark, type JobSpec } from "../src/protocol/index.ts";
import {
  createScheduler,
  type EffectOf,
  jobView,
  type Scheduler,
  type SchedulerEvent,
  step,
} from "../src/scheduler/index.ts";
import { rounded } from "./stats.ts";

/*
 * The scheduler alone with a hundred million inputs of which every second fails at its first attempt: its
 * memory, its longest list, its longest step.
 */

const INPUTS = 100_000_000;
const APPENDED = 8_192;
const REPORT = 16_384;

const spec: JobSpec = {
  job: "job",
  title: "job",
  task: { bundle: "b", entry: "export:f", title: "f", timeoutMs: 1_000, memoryBytes: 1, net: [] },
  options: {
    retries: 1,
    backoffMs: 3_600_000,
    maxAttempts: 3,
    priority: 0,
    needs: {},
    attached: false,
  },
};

const description: EnrolledWorker = {
  name: "w",
  version: "0",
  platform: "linux",
  arch: "x64",
  cores: 1,
  memoryBytes: 1e9,
  slots: 2,
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

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc") as () => void;

const usedBytes = () => {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

type Lease = EffectOf<"LeaseUnit">;
type Untimed<E = SchedulerEvent> = E extends SchedulerEvent ? Omit<E, "nowMs"> : never;

class Run {
  readonly state: Scheduler = createScheduler(defaultLimits);
  readonly leases: Lease[] = [];
  nowMs = 0;
  longestStepMs = 0;
  longestList = 0;
  ended = false;

  send(event: Untimed): void {
    const startedMs = performance.now();
    const effects = step(this.state, { ...event, nowMs: this.nowMs } as SchedulerEvent);
    this.longestStepMs = Math.max(this.longestStepMs, performance.now() - startedMs);
    for (const effect of effects) {
      if (effect.type === "LeaseUnit") this.leases.push(effect);
      if (effect.type === "EndJob") this.ended = true;
      if (effect.type === "RecordResults") {
        const lists = [effect.ranges, ...effect.retries.map(({ ranges }) => ranges)];
        for (const { length } of lists) this.longestList = Math.max(this.longestList, length);
      }
    }
  }

  /** Reports the oldest lease, every second input of fresh ones as failed. */
  report(): void {
    const { lease, descriptor } = this.leases.shift()!;
    const total = descriptor.ranges.reduce((sum, [start, end]) => sum + end - start, 0);
    const isFresh = descriptor.failures === 0;
    for (let from = 0; from < total; from += REPORT) {
      const count = Math.min(REPORT, total - from);
      const failures: FailureMark[] = [];
      // Fresh units are of one range. Even inputs fail.
      const first = (descriptor.ranges[0]![0] + from) % 2;
      for (let at = first; isFresh && at < count; at += 2)
        failures.push({ at, kind: "error", fingerprint: "e" });
      this.nowMs += count / 1_000;
      const done = from + count === total;
      const elapsedMs = count / 1_000;
      const report = { worker: "w", lease, from, count, failures, elapsedMs, bytes: count, done };
      this.send({ type: "UnitProgressed", ...report });
    }
  }
}

export async function hundredMillion(): Promise<Record<string, number>> {
  const run = new Run();
  const beforeBytes = usedBytes();
  const startedMs = performance.now();
  run.send({ type: "WorkerJoined", worker: "w", description });
  run.send({ type: "JobSubmitted", spec });
  let appended = 0;
  while (appended < INPUTS) {
    const count = Math.min(APPENDED, INPUTS - appended);
    run.send({ type: "InputsAppended", job: "job", count, bytes: count });
    appended += count;
    while (run.leases.length > 0) run.report();
  }
  run.send({ type: "InputsSealed", job: "job" });
  while (run.leases.length > 0) run.report();
  const view = jobView(run.state, "job")!;
  if (view.done !== INPUTS / 2 || view.retrying !== INPUTS / 2) throw new Error("a wrong count");
  const scatteredBytes = usedBytes() - beforeBytes;
  const firstSeconds = (performance.now() - startedMs) / 1000;
  // All back-offs end; the second attempts succeed.
  run.nowMs += 7_200_000;
  run.send({ type: "WorkerHeard", worker: "w" });
  run.send({ type: "Tick" });
  while (run.leases.length > 0) run.report();
  if (!run.ended) throw new Error("it did not end");
  return {
    bitsPerInput: rounded((8 * scatteredBytes) / INPUTS),
    longestList: run.longestList,
    longestStepMs: rounded(run.longestStepMs),
    firstSeconds: rounded(firstSeconds),
    seconds: rounded((performance.now() - startedMs) / 1000),
  };
}
