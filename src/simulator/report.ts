import { PACKAGE_VERSION } from "../protocol/index.ts";
import type { Simulation } from "./simulation.ts";
import { trustOf } from "./trust/summary.ts";
import type { PopulationTally, SimulationResult, SlotTime, Violation } from "./types.ts";

const JOBS_MAX = 2_000;

/** The whole result: plain data that follows from scenario, seed and version. */
export function report(simulation: Simulation, violations: readonly Violation[]): SimulationResult {
  const { world, hub, journal, recorder } = simulation;
  const { queue, traffic, auditor, limits } = world;
  const outcomes = auditor.outcomes().map((outcome) => {
    const ledger = world.inspector.ledgerOf(outcome.job);
    return ledger === undefined ? outcome : { ...outcome, trust: ledger.tally() };
  });
  const populations = populationsOf(simulation);
  const trust = trustOf(world, hub.state, populations);
  const slotTime = slotTimeOf(simulation, populations);
  const { nowMs } = queue;
  const messages = traffic.report(nowMs);
  const total = Object.values(messages).reduce((sum, count) => sum + count, 0);
  const online = sum(populations, "onlineSlotMs");
  const makespans = outcomes.flatMap(({ makespanMs }) => (makespanMs === null ? [] : [makespanMs]));
  const ends = outcomes.map(({ endedMs }) => endedMs);
  return {
    scenario: world.scenario.name,
    seed: world.seed,
    version: PACKAGE_VERSION,
    virtualMs: nowMs,
    events: queue.run,
    schedulerSteps: hub.steps,
    leases: hub.leases,
    speculativeLeases: hub.copies,
    trims: hub.trims,
    messages,
    messagesPerSecond: {
      mean: nowMs > 0 ? (1_000 * total) / nowMs : 0,
      peak: Math.ceil(
        Math.max(traffic.peak, (1_000 * hub.sessions.workersPeak) / limits.heartbeatIntervalMs),
      ),
    },
    peaks: {
      workers: hub.sessions.workersPeak,
      slots: hub.sessions.slotsPeak,
      leases: hub.leasesPeak,
      queuedEvents: queue.peak,
      journalRecords: journal.peak,
    },
    hubCrashes: hub.crashes,
    outputsLost: hub.outputs.lost,
    hubBytesSent: world.archive.hubLine.bytes,
    inputs: auditor.appended,
    inputsDone: auditor.done,
    inputsFailed: auditor.failed,
    utilisation: online > 0 ? sum(populations, "busySlotMs") / online : 0,
    slotTime,
    makespanMs: ends.some((end) => end === null) ? null : Math.max(0, ...(ends as number[])),
    jobs: outcomes.slice(0, JOBS_MAX),
    makespanQuantiles: quantiles(makespans),
    populations,
    ...(trust === undefined ? {} : { trust }),
    series: recorder.finish(nowMs),
    violations,
  };
}

const sum = (tallies: readonly PopulationTally[], field: "onlineSlotMs" | "busySlotMs"): number =>
  tallies.reduce((total, tally) => total + tally[field], 0);

function populationsOf({ world, machines, tallies }: Simulation): PopulationTally[] {
  return world.scenario.populations.map((population, at) => {
    const own = machines.filter((machine) => machine.population === population);
    let onlineSlotMs = 0;
    let busySlotMs = 0;
    let slots = 0;
    for (const machine of own) {
      const { online, busy } = machine.slotMs();
      onlineSlotMs += online;
      busySlotMs += busy;
      slots += machine.slotCount;
    }
    return {
      population: population.name,
      nodes: own.length,
      slots,
      ...tallies[at]!,
      onlineSlotMs,
      busySlotMs,
    };
  });
}

function slotTimeOf({ world, machines }: Simulation, populations: readonly PopulationTally[]): SlotTime {
  const { useful, duplicate, retried, corrupted, overhead, checking } = world.waste;
  const unfinished = machines.reduce((total, machine) => total + machine.slotMs().running, 0);
  const busy = sum(populations, "busySlotMs");
  const known = useful + duplicate + retried + corrupted + overhead + checking + unfinished;
  return {
    useful,
    crashed: Math.max(0, busy - known),
    duplicate,
    retried,
    checking,
    corrupted,
    overhead,
    idle: Math.max(0, sum(populations, "onlineSlotMs") - busy),
    unfinished,
  };
}

function quantiles(values: readonly number[]): SimulationResult["makespanQuantiles"] {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  return { min: at(0), p10: at(0.1), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
