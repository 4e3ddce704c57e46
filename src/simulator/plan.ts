import { type CanarySpec, defaultLimits, type JobSpec } from "../protocol/index.ts";
import { stagesOf } from "../scheduler/index.ts";
import { canaryDigest, isCanaryIndex } from "./checks/records.ts";
import { planDatasets } from "./datasets/plan.ts";
import { purpose } from "./environment/purpose.ts";
import { draw, mix, reseedableRandom, seededRandom, unit } from "./environment/random.ts";
import type { Draw, JobScenario, Scenario } from "./types.ts";

/** One job as it will be: everything about it follows from scenario and seed alone. */
export interface JobPlan {
  readonly number: number;
  readonly scenario: JobScenario;
  readonly spec: JobSpec;
  readonly submittedMs: number;
  readonly inputs: number;
  /** What an input takes on a slot of speed 1, whoever runs it and however often. */
  readonly workMs: (index: number) => number;
  /** Whether its function throws on every attempt. */
  readonly fails: (index: number) => boolean;
  /** Whether it kills its sandbox on every attempt. */
  readonly kills: (index: number) => boolean;
  /** Whether it never ends by itself. */
  readonly hangs: (index: number) => boolean;
  /** Of a shuffle its map stage, which is a plan of its own: its inputs are the client's, these are the partitions. */
  readonly map?: JobPlan;
  /** Whether its answer differs from engine to engine. */
  readonly differs: (index: number) => boolean;
  /** The block that an input reads, where inputs read any. */
  readonly blockOf?: (index: number) => string;
  /** It is the map stage of a shuffle. */
  readonly isStage: boolean;
}

/** All jobs of a scenario in the order of their submission. */
export function planJobs(scenario: Scenario, seed: number): JobPlan[] {
  const drafts: { scenario: JobScenario; submittedMs: number; inputs: number }[] = [];
  for (const [kind, job] of scenario.jobs.entries()) {
    const random = seededRandom(seed, purpose.arrivals, kind);
    let atMs = 0;
    for (let copy = 0; copy < (job.count ?? 1); copy++) {
      atMs += draw(job.arrivalMs, random, 0);
      const inputs = Math.max(0, Math.round(draw(job.inputs, random, 1)));
      if (atMs < scenario.durationMs) drafts.push({ scenario: job, submittedMs: atMs, inputs });
    }
  }
  drafts.sort((a, b) => a.submittedMs - b.submittedMs);
  const datasets = planDatasets(scenario, seed);
  const plans: JobPlan[] = [];
  for (const draft of drafts) {
    const { reads } = draft.scenario;
    const read = datasets.filter(({ kind }) => kind === reads?.dataset).flatMap(({ blocks }) => blocks);
    plans.push(...planOf({ ...draft, blocks: read }, plans.length, seed));
  }
  return plans;
}

interface Draft {
  readonly scenario: JobScenario;
  readonly submittedMs: number;
  readonly inputs: number;
  /** What its inputs read. */
  readonly blocks: readonly string[];
}

/** The plan of one job, and behind it that of its map stage where it is a shuffle. */
function planOf(draft: Draft, number: number, seed: number): JobPlan[] {
  const { scenario } = draft;
  const { shuffle, workMs } = scenario;
  const spec = specOf(scenario, number);
  const { map: mapSpec } = stagesOf(spec);
  if (shuffle === undefined || mapSpec === undefined)
    return [planStage(draft, number, seed, spec, workMs, false)];
  const map = planStage(draft, number + 1, seed, mapSpec, workMs, true);
  const partitions = { ...draft, inputs: shuffle.partitions, blocks: [] };
  const reduce = planStage(partitions, number, seed, stagesOf(spec).job, shuffle.reduceMs, false);
  return [{ ...reduce, map }, map];
}

function planStage(
  draft: Draft,
  number: number,
  seed: number,
  spec: JobSpec,
  work: Draw,
  isStage: boolean,
): JobPlan {
  const { blocks, ...rest } = draft;
  const { failingShare = 0, killerShare = 0, hangingShare = 0, engineShare = 0, reads } = draft.scenario;
  // One source for all inputs, begun anew for each.
  const randomOf = reseedableRandom();
  const isOf = (share: number, what: number) => (index: number) =>
    share > 0 && !isCanaryIndex(index) && unit(mix(seed, what, number, index)) < share;
  return {
    ...rest,
    number,
    spec,
    ...(blocks.length === 0
      ? {}
      : { blockOf: (index) => blocks[Math.floor(index / (reads?.inputsPerBlock ?? 1)) % blocks.length]! }),
    workMs:
      typeof work === "number"
        ? () => work
        : (index) => draw(work, randomOf(seed, purpose.work, number, index), 0),
    fails: isOf(failingShare, purpose.failing),
    kills: isOf(killerShare, purpose.killing),
    hangs: isOf(hangingShare, purpose.hanging),
    differs: isOf(engineShare, purpose.engines),
    isStage,
  };
}

const specOf = (job: JobScenario, number: number): JobSpec => ({
  job: `job-${number}`,
  title: job.name,
  task: {
    bundle: `bundle of ${job.name}`,
    entry: "export:default",
    title: job.name,
    timeoutMs: job.timeoutMs ?? defaultLimits.taskTimeoutMaxMs,
    memoryBytes: 0,
    net: [],
  },
  options: {
    retries: job.retries ?? 0,
    backoffMs: job.backoffMs ?? 0,
    maxAttempts: job.maxAttempts ?? defaultLimits.taskMaxAttempts,
    priority: job.priority ?? 0,
    needs: job.labels === undefined ? {} : { labels: job.labels },
    attached: false,
    ...(job.quorum === undefined ? {} : { quorum: { adaptive: true, deterministic: false, ...job.quorum } }),
  },
  ...(job.quorum === undefined || job.canaries === undefined || job.shuffle !== undefined
    ? {}
    : { canaries: canariesOf(number, job.canaries) }),
  ...(job.shuffle === undefined ? {} : { shuffle: { partitions: job.shuffle.partitions } }),
});

const canariesOf = (job: number, count: number): CanarySpec => ({
  // The hub of a simulation makes their records by itself.
  inputs: new Uint8Array(0),
  answers: Array.from({ length: count }, (_, canary) => canaryDigest(job, canary)),
});
