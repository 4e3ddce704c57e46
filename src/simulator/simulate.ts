import { defaultLimits } from "../protocol/index.ts";
import { Auditor } from "./checks/auditor.ts";
import { ViolationError } from "./checks/violation.ts";
import { Client } from "./client.ts";
import { Archive } from "./datasets/archive.ts";
import { Curator } from "./datasets/curator.ts";
import { Owner } from "./datasets/owner.ts";
import { planDatasets } from "./datasets/plan.ts";
import { Disks } from "./environment/disks.ts";
import { EventQueue } from "./environment/event-queue.ts";
import { Recorder, Traffic } from "./environment/meter.ts";
import { purpose } from "./environment/purpose.ts";
import { draw, seededRandom } from "./environment/random.ts";
import { Hub } from "./hub.ts";
import { Machine, newTally } from "./machine.ts";
import { planJobs } from "./plan.ts";
import { report } from "./report.ts";
import type { Simulation } from "./simulation.ts";
import { Inspector } from "./trust/inspector.ts";
import { mayAnswerWrongly, personasOf } from "./trust/persona.ts";
import type { Scenario, SimulateOptions, SimulationResult, Violation } from "./types.ts";
import type { World } from "./world.ts";

const APPEND_MS = 0.3;
const RESTART_MS = 2_000;
/** A small scenario whose scheduler takes so many steps without a result goes round in circles. */
const FRUITLESS_STEPS_MAX = 20_000;
/** When all jobs are done a small scenario's datasets are as they are to be before so much time has passed. */
const SETTLING_MS_MAX = 1_200_000;
/** Between two looks at signal and progress. */
const EVENTS_PER_LOOK = 4_096;
/** Shorter spans have no message rate of their own. */
const RATE_LEAST_MS = 1_000;

/**
 * Runs a scenario on the real scheduler and the real worker core, on a virtual clock.
 * What goes wrong is in `violations`, with the step of the scheduler that shows it; with `check: "tick"`
 * that is the first that could.
 * @throws whatever `signal` is aborted with.
 */
export function simulate(scenario: Scenario, options: SimulateOptions): SimulationResult {
  const simulation = prepare(scenario, options);
  const violations: Violation[] = [];
  try {
    run(simulation, options);
    const { auditor, curator, queue } = simulation.world;
    const open = auditor.unfinished() ?? curator.unsettled(simulation.hub.custody, queue.nowMs);
    if (scenario.mustFinish === true && open !== undefined && options.stepsMax === undefined) {
      violations.push({
        kind: "liveness",
        message: open,
        virtualMs: queue.nowMs,
        step: simulation.hub.steps,
      });
    }
    if (scenario.mustShare === true && options.stepsMax === undefined) checkShares(simulation);
  } catch (error) {
    options.signal?.throwIfAborted();
    const { auditor, queue } = simulation.world;
    violations.push(auditor.violation(error, queue.nowMs, simulation.hub.steps));
  }
  return report(simulation, violations);
}

/** @throws ViolationError */
function checkShares({ world, machines }: Simulation): void {
  const { auditor, limits, plans } = world;
  const slots = machines.reduce((total, { slotCount }) => total + slotCount, 0);
  const slowest = Math.min(...machines.map(({ speed }) => speed));
  const longestMs = Math.max(...plans.map(({ workMs }) => workMs(0))) / slowest;
  // Units are sized by estimates, which may be half of what they take.
  const unitMs = 2 * limits.unitTargetMs + longestMs;
  const unfair = auditor.unfair(slots * (1 + limits.prefetchUnitsMax) * unitMs);
  if (unfair !== undefined) throw new ViolationError("correctness", unfair);
}

function prepare(scenario: Scenario, { seed, check = "end" }: SimulateOptions): Simulation {
  const limits = { ...defaultLimits, ...scenario.limits };
  const queue = new EventQueue();
  const plans = planJobs(scenario, seed);
  const archive = new Archive(planDatasets(scenario, seed), scenario.hub?.bytesPerSecond);
  const personas = personasOf(scenario);
  const world: World = {
    scenario,
    seed,
    limits,
    queue,
    traffic: new Traffic(limits.heartbeatIntervalMs),
    plans,
    planOf: new Map(plans.map((plan) => [plan.spec.job, plan])),
    auditor: new Auditor(
      plans,
      mayAnswerWrongly(scenario),
      ({ spec }) => spec.options.maxAttempts * limits.lossesPerStrike,
    ),
    inspector: new Inspector(plans, scenario, personas, limits, check),
    personas,
    waste: { useful: 0, duplicate: 0, retried: 0, corrupted: 0, overhead: 0, checking: 0 },
    disks: new Disks(),
    archive,
    curator: new Curator(archive, stableKeepers(scenario), scenario.hub),
    census: { busySlots: 0, slots: 0, on: scenario.populations.map(() => 0) },
    check,
  };
  const { crashesAtMs = [], diskLostAtMs = [], crashesPerHour = 0, appendMs } = scenario.hub ?? {};
  const random = seededRandom(seed, purpose.hub);
  const keeps = crashesAtMs.length + diskLostAtMs.length > 0 || crashesPerHour > 0;
  const hub = new Hub(world, () => draw(appendMs, random, APPEND_MS), keeps);
  const tallies = scenario.populations.map(newTally);
  const machines: Machine[] = [];
  for (const [at, { count }] of scenario.populations.entries()) {
    for (let copy = 0; copy < count; copy++) {
      machines.push(new Machine(world, hub, at, machines.length, tallies[at]!));
    }
  }
  const client = new Client(world, hub);
  new Owner(world, hub);
  planDamage(world, hub);
  planHubCrashes(world, hub, client);
  planPartitions(world, machines);
  return { world, hub, journal: hub.journal, machines, tallies, recorder: recorderOf(world) };
}

/** Trusted machines that are always there. */
const stableKeepers = ({ populations }: Scenario): number =>
  populations.reduce(
    (sum, { trusted, availability, count }) =>
      sum + (trusted === true && availability === undefined ? count : 0),
    0,
  );

function planHubCrashes(world: World, hub: Hub, client: Client): void {
  const { queue, scenario, seed } = world;
  const {
    crashesAtMs = [],
    diskLostAtMs = [],
    crashesPerHour = 0,
    restartMs,
    unsyncedMs = 0,
  } = scenario.hub ?? {};
  const random = seededRandom(seed, purpose.hub, 1);
  const crash = (isDiskLost = false) => {
    if (!hub.up) {
      if (isDiskLost) queue.after(APPEND_MS, () => crash(true));
      return;
    }
    hub.crash(unsyncedMs, isDiskLost);
    queue.after(draw(restartMs, random, RESTART_MS), () => {
      hub.restart();
      client.reconnect();
    });
  };
  for (const { atMs, forMs } of scenario.hub?.stalls ?? [])
    queue.at(atMs, () => hub.up && hub.intake.stall(forMs));
  for (const atMs of crashesAtMs) queue.at(atMs, () => crash());
  for (const atMs of diskLostAtMs) queue.at(atMs, () => crash(true));
  if (crashesPerHour <= 0) return;
  let atMs = 0;
  for (;;) {
    atMs += (3_600_000 / crashesPerHour) * random.exponential();
    if (atMs >= scenario.durationMs) return;
    queue.at(atMs, () => crash());
  }
}

function planDamage({ queue, scenario, seed }: World, { custody }: Hub): void {
  for (const [at, atMs] of (scenario.hub?.damagedAtMs ?? []).entries()) {
    queue.at(atMs, () => custody.damage(seededRandom(seed, purpose.damage, at)));
  }
}

function planPartitions({ queue, scenario, seed }: World, machines: readonly Machine[]): void {
  const random = seededRandom(seed, purpose.cut);
  for (const { fromMs, untilMs, share } of scenario.partitions ?? []) {
    for (const machine of machines) {
      if (random.chance(share)) queue.at(fromMs, () => machine.cut(untilMs));
    }
  }
}

function recorderOf(world: World): Recorder {
  const { populations } = world.scenario;
  const names = [
    { name: "busySlots", unit: "slots" },
    { name: "slots", unit: "slots" },
    { name: "inputsDone", unit: "inputs" },
    { name: "messages", unit: "1/s" },
    ...populations.map(({ name }) => ({ name: `workers ${name}`, unit: "workers" })),
  ];
  let messagesBefore = 0;
  let rate = 0;
  return new Recorder(names, (sinceMs) => {
    const { busySlots, slots, on } = world.census;
    // The last point may follow at once: a few messages in no time are no rate.
    if (sinceMs >= RATE_LEAST_MS) {
      const messages = world.traffic.total + world.traffic.heartbeats(world.queue.nowMs);
      rate = Math.max(0, (1_000 * (messages - messagesBefore)) / sinceMs);
      messagesBefore = messages;
    }
    return [busySlots, slots, world.auditor.done, rate, ...on];
  });
}

function run({ world, hub, recorder }: Simulation, options: SimulateOptions): void {
  const { queue, scenario, auditor, curator } = world;
  const { signal, onProgress, stepsMax = Number.POSITIVE_INFINITY } = options;
  const { durationMs, endsWithJobs = true } = scenario;
  let done = 0;
  let open = 0;
  let lastStep = 0;
  let lastMs = 0;
  for (let at = 1; queue.nextMs <= durationMs && hub.steps < stepsMax; at++) {
    recorder.passTo(queue.nextMs);
    queue.step();
    if (auditor.done !== done || auditor.open !== open) {
      ({ done, open } = auditor);
      lastStep = hub.steps;
      lastMs = queue.nowMs;
    } else if (world.check === "tick" && hub.steps - lastStep > FRUITLESS_STEPS_MAX) {
      const what = auditor.unfinished() ?? curator.unsettled(hub.custody, queue.nowMs);
      throw new ViolationError("liveness", `nothing gets done in ${FRUITLESS_STEPS_MAX} steps: ${what}`);
    }
    if (endsWithJobs && auditor.open === 0) {
      const what = curator.unsettled(hub.custody, queue.nowMs);
      if (what === undefined) return;
      if (world.check === "tick" && queue.nowMs - lastMs > SETTLING_MS_MAX)
        throw new ViolationError("liveness", `all jobs are done, but ${what}`);
    }
    if (at % EVENTS_PER_LOOK !== 0) continue;
    signal?.throwIfAborted();
    onProgress?.({
      virtualMs: queue.nowMs,
      share: queue.nowMs / durationMs,
      events: queue.run,
      inputsDone: auditor.done,
    });
  }
  if (hub.steps < stepsMax) queue.nowMs = durationMs;
}
