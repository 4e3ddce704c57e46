import { forgetfulScenario } from "../datasets/forgetful-scenario.ts";
import { among, between, sometimes } from "../environment/choices.ts";
import { purpose } from "../environment/purpose.ts";
import { seededRandom } from "../environment/random.ts";
import { simulate } from "../simulate.ts";
import { withStrangers } from "../trust/strangers.ts";
import type {
  Availability,
  JobScenario,
  NetworkScenario,
  Population,
  Random,
  Scenario,
  SimulateOptions,
  SimulationResult,
  Violation,
} from "../types.ts";

/*
 * Random scenarios, small and nasty: each is over in a fraction of a second, and all of them together go
 * where nobody would have thought of going. Every job can end, because some machines stay.
 */

const HOUR_MS = 3_600_000;

const forgetfulOf = (seed: number): Scenario =>
  forgetfulScenario(seededRandom(seed, purpose.forgetting), seed);

/** The scenario of a seed. */
export function swarmScenario(seed: number): Scenario {
  if (seededRandom(seed, purpose.datasets, 1).chance(0.06)) return forgetfulOf(seed);
  const random = seededRandom(seed, purpose.swarm);
  if (random.chance(0.05)) return sharingScenario(random, seed);
  const dry = withDatasets(stormyScenario(random, seed), seededRandom(seed, purpose.datasets));
  const stormy = withDamage(dry, seededRandom(seed, purpose.damage));
  const jobs = stormy.jobs.map((job, at) => adjusted(job, seededRandom(seed, purpose.adjusting, at)));
  const strangers = seededRandom(seed, purpose.strangers);
  return withStrangers({ ...stormy, jobs }, strangers, seededRandom(seed, purpose.voting));
}

/** Some scenarios have datasets, too, with keepers that come and go, and a hub that loses its disk. */
function withDatasets(scenario: Scenario, random: Random): Scenario {
  if (!random.chance(0.15)) return scenario;
  const losses = among(random, 0, 0, 1, 2);
  // Some are put in the very moment in which the hub is killed.
  const [killedMs = 1_000] = scenario.hub?.crashesAtMs ?? [];
  const putMs = () =>
    random.chance(0.2)
      ? Math.max(0, killedMs - 120 * random.next())
      : sometimes(random, 0.6, between(random, 0, 40_000));
  return {
    ...scenario,
    datasets: Array.from({ length: 1 + random.int(3) }, (_, at) => ({
      name: `dataset ${at}`,
      count: 1 + random.int(2),
      putMs: putMs(),
      bytes: among(random, 10, 10_000, 1_000_000),
      blocks: 1 + random.int(6),
      replicas: among(random, 0, 1, 2, 3),
      ...(at > 0 && random.chance(0.4) ? { removeAfterMs: between(random, 0, 30_000) } : {}),
    })),
    jobs: scenario.jobs.map((job) =>
      random.chance(0.4) ? { ...job, reads: { dataset: "dataset 0" } } : job,
    ),
    populations: scenario.populations.map((population) => {
      const isStable = population.availability === undefined;
      const cacheBytes = among(random, 0, 20_000, 1e9);
      const near = random.chance(0.3) ? { neighbourBytesPerSecond: 100_000 } : {};
      const keeping = {
        trusted: isStable || random.chance(0.6),
        noSpaceRate: sometimes(random, 0.3, 0.3),
        diskLostShare: isStable ? 0 : among(random, 0, 0.3, 1),
      };
      return { ...population, cacheBytes, ...near, ...keeping };
    }),
    hub: { ...scenario.hub, diskLostAtMs: Array.from({ length: losses }, () => between(random, 0, 60_000)) },
    limits: {
      ...scenario.limits,
      replicaGraceMs: among(random, 500, 10_000),
      replicaRetryMs: among(random, 100, 5_000),
      uploadBlocksMax: among(random, 1, 3, 64),
      recoveryIntervalMs: among(random, 1, 1_000),
      httpIdleMs: among(random, 5_000, 60_000),
      nearInputsMax: among(random, 0, 100_000, 100_000),
    },
  };
}

/** In some of those blocks of the hub's disk are damaged, or what is lost stays in the catalogue. */
function withDamage(scenario: Scenario, random: Random): Scenario {
  if (scenario.datasets === undefined) return scenario;
  const times = among(random, 0, 0, 0, 1, 2);
  return {
    ...scenario,
    hub: {
      ...scenario.hub,
      lostRemoved: random.chance(0.5),
      damagedAtMs: Array.from({ length: times }, () => between(random, 0, 60_000)),
    },
  };
}

/** Jobs of different weights that all want everything, and nothing that disturbs them. */
function sharingScenario(random: Random, seed: number): Scenario {
  return {
    name: `swarm ${seed}`,
    durationMs: 90_000,
    jobs: Array.from({ length: 2 + random.int(3) }, (_, at) => ({
      name: `job ${at}`,
      inputs: 100_000,
      workMs: among(random, 50, 100, 300),
      priority: random.int(4) - 1,
    })),
    populations: [{ name: "stable", count: 1 + random.int(3), slots: 1 + random.int(2) }],
    limits: {
      unitTargetMs: among(random, 200, 500),
      prefetchUnitsMax: random.int(2),
      fairnessLagMs: 3_600_000,
    },
    mustShare: true,
  };
}

function stormyScenario(random: Random, seed: number): Scenario {
  const isCalm = random.chance(0.1);
  const drawn = Array.from({ length: 1 + random.int(4) }, (_, at) => jobOf(random, at));
  const jobs = drawn.map((job, at) => shuffled(job, seededRandom(seed, purpose.shuffling, at)));
  const stable: Population = {
    name: "stable",
    count: 1 + random.int(3),
    slots: 1 + random.int(3),
    labels: ["stable"],
    network: isCalm ? {} : networkOf(random, 0.3),
  };
  const others = Array.from({ length: random.int(3) }, (_, at) => volunteersOf(random, at));
  const crashes = isCalm ? 0 : among(random, 0, 0, 1, 2, 4);
  return {
    name: `swarm ${seed}`,
    durationMs: 2 * HOUR_MS,
    jobs,
    populations: [stable, ...others],
    network: { latencyMs: among<number>(random, 0, 1, 20, 150) },
    partitions: (isCalm ? [] : windowsOf(random, 0.6)).map((window) => ({ ...window, share: random.next() })),
    hub: {
      crashesAtMs: Array.from({ length: crashes }, () => between(random, 0, 60_000)),
      restartMs: among<number>(random, 100, 2_000, 20_000),
      appendMs: among<number>(random, 0, 0.3, 20, 500),
      unsyncedMs: isCalm ? 0 : among(random, 0, 0, 0, 2_000, 30_000),
      messageMs: sometimes(random, 0.1, 1),
      checkpointRecords: among(random, 5, 100, 20_000),
      diskFull: isCalm ? [] : windowsOf(random, 0.2),
      stalls: isCalm
        ? []
        : windowsOf(random, 0.2).map(({ fromMs, untilMs }) => ({ atMs: fromMs, forMs: untilMs - fromMs })),
    },
    limits: {
      unitTargetMs: among(random, 50, 1_000, 20_000),
      unitInputsMax: among(random, 1, 4, 65_536),
      unitRangesMax: among(random, 1, 2, 512),
      prefetchUnitsMax: among(random, 0, 1, 2),
      prefetchMs: among(random, 0, 100, 5_000),
      speculationAfterMs: among(random, 200, 2_000, 60_000),
      speculationFactor: among(random, 1, 3),
      leaseTtlMs: among(random, 4_000, 15_000),
      adoptionWindowMs: among(random, 0, 500, 5_000),
      progressIntervalMs: among(random, 1, 50, 2_000),
      fairnessLagMs: among(random, 0, 1_000, 10_000),
      // Of results and inputs of 9 bytes.
      resultBytesUnackedMax: among(random, 1, 100, 4_194_304),
      blockBytesTarget: among(random, 10, 200, 1_048_576),
      unitPartBytesTarget: among(random, 10, 200, 1_048_576),
      appendBytesPendingMax: among(random, 1_000, 67_108_864),
    },
    mustFinish: true,
  };
}

function jobOf(random: Random, at: number): JobScenario {
  const meanMs = among(random, 1, 30, 400, 3_000);
  return {
    name: `job ${at}`,
    arrivalMs: sometimes(random, 0.5, between(random, 0, 30_000)),
    inputs: among(random, 0, 1, 7, 60, 300),
    workMs: among<JobScenario["workMs"]>(random, meanMs, (own) => own.exponential() * meanMs),
    retries: among(random, 0, 1, 3),
    backoffMs: among(random, 0, 100, 3_000),
    maxAttempts: among(random, 1, 2, 3),
    priority: among(random, 0, 0, 2, -2),
    failingShare: sometimes(random, 0.3, 0.1),
    flakyShare: sometimes(random, 0.3, 0.2),
    killerShare: sometimes(random, 0.2, 0.05),
    unitOverheadMs: sometimes(random, 0.3, 50),
    ...(random.chance(0.15)
      ? { timeoutMs: among(random, 100, 2_000), hangingShare: sometimes(random, 0.5, 0.05) }
      : {}),
    ...(random.chance(0.3)
      ? { feed: { inputsPerAppend: 1 + random.int(40), everyMs: among(random, 1, 500) } }
      : {}),
    ...(random.chance(0.2) ? { checkpoint: { intervalMs: 100, costMs: 5, restartMs: 10 } } : {}),
    ...(random.chance(0.1) ? { labels: ["stable"] } : {}),
    ...(random.chance(0.1) ? { cancelAfterMs: between(random, 0, 20_000) } : {}),
  };
}

/** Some jobs are shuffles; what else they are is not touched by that. */
function shuffled(job: JobScenario, random: Random): JobScenario {
  if (job.checkpoint !== undefined || !random.chance(0.4)) return job;
  return { ...job, shuffle: { partitions: among(random, 1, 2, 9), reduceMs: among(random, 1, 100, 2_000) } };
}

/** Somebody pauses some jobs for a while, once or twice, and changes their priority. */
function adjusted(job: JobScenario, random: Random): JobScenario {
  if (!random.chance(0.25)) return job;
  const firstMs = between(random, 0, 10_000);
  const forMs = () => among(random, 0, 500, 20_000);
  const times = [firstMs, firstMs + forMs(), firstMs + forMs()];
  const changes = times.map((afterMs, at) => ({ afterMs, paused: at !== 1, priority: random.int(5) - 2 }));
  // However the first three fall, it goes on in the end.
  return { ...job, adjusted: [...changes, { afterMs: firstMs + 40_000, paused: false }] };
}

function volunteersOf(random: Random, at: number): Population {
  const upMs = among(random, 500, 5_000, 60_000);
  const downMs = among(random, 100, 3_000, 30_000);
  const comeAndGo: Availability = (own, { turn }) => ({
    online: turn % 2 === 0,
    forMs: own.exponential() * (turn % 2 === 0 ? upMs : downMs),
  });
  return {
    name: `volunteers ${at}`,
    count: 1 + random.int(8),
    slots: 1 + random.int(4),
    speed: among<NonNullable<Population["speed"]>>(random, 0.2, 1, 4, (own) => 0.1 + own.exponential()),
    availability: comeAndGo,
    startMs: sometimes(random, 0.5, 1_000),
    departure: { drain: random.next(), crash: random.next(), freeze: random.next() },
    network: networkOf(random, 1),
    corruptionRate: sometimes(random, 0.1, 0.05),
    clockRate: among(random, 1, 0.5, 1.001, 3),
    clockJumpRate: sometimes(random, 0.2, 0.1),
    refusedShare: sometimes(random, 0.2, 0.3),
    overloadRate: sometimes(random, 0.2, 0.1),
  };
}

/** Up to two spans of time, with this probability each. */
const windowsOf = (random: Random, probability: number) =>
  [0, 1].flatMap(() => {
    const fromMs = between(random, 0, 60_000);
    const untilMs = fromMs + among(random, 1_000, 10_000, 40_000);
    return random.chance(probability) ? [{ fromMs, untilMs }] : [];
  });

const networkOf = (random: Random, harm: number): NetworkScenario => ({
  jitterMs: sometimes(random, 0.5, 50),
  lossRate: sometimes(random, 0.3, 0.05 * harm),
  breakRate: sometimes(random, 0.4, 0.03 * harm),
  halfOpenShare: among(random, 0, 0.5, 1),
  ...(random.chance(0.1) ? { bytesPerSecond: 20_000 } : {}),
});

/** Runs the scenario of one seed with every check after every step. */
export const runSwarm = (
  seed: number,
  options: Omit<SimulateOptions, "seed" | "check"> = {},
): SimulationResult => simulate(swarmScenario(seed), { ...options, seed, check: "tick" });

/** The same with a scenario of hubs that lose their disks, of which there are few among all. */
export const runForgetful = (
  seed: number,
  options: Omit<SimulateOptions, "seed" | "check"> = {},
): SimulationResult => simulate(forgetfulOf(seed), { ...options, seed, check: "tick" });

/**
 * Whether a run up to the step of a violation shows it again, and no run that ends before does. (Where one event makes
 * several steps, a run ends behind the last of them.)
 */
export function isShortest(seed: number, { kind, message, step }: Violation): boolean {
  const [again] = runSwarm(seed, { stepsMax: step }).violations;
  if (again?.message !== message || again.kind !== kind || again.step !== step) return false;
  const [earlier] = runSwarm(seed, { stepsMax: step - 1 }).violations;
  return earlier === undefined || earlier.step === step;
}
