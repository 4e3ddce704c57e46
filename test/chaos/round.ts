import { auditHub, hubState } from "./audit.ts";
import { faults } from "./faults.ts";
import type { FaultKind, Plan, PlannedFault } from "./plan.ts";
import type { Relay } from "./relay.ts";
import type { Findings } from "./transcript.ts";
import { World } from "./world.ts";

export interface RoundReport {
  readonly seed: number;
  readonly findings: Findings;
  /** What was really done, in order. */
  readonly injected: readonly FaultKind[];
  readonly tookMs: number;
  /** The longest time without a result while there was work. */
  readonly longestGapMs: number;
  /** Milliseconds from a broken connection of a worker's to its next result, by kind. */
  readonly resumedMs: Readonly<Partial<Record<FaultKind, readonly number[]>>>;
}

/** A round in which nobody gets anything for so long hangs: what is missing then is lost. */
const HANG_MS = 60_000;
/** The next fault does not wait longer than this for the work that it is to come after. */
const PATIENCE_MS = 1_000;

/** Resolves when so much of the work has been read, or patience is over, or the round. */
async function awaitShare(world: World, at: number, signal: AbortSignal): Promise<void> {
  if (world.share >= at || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      unlisten();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, PATIENCE_MS);
    const unlisten = world.onOutcome(() => {
      if (world.share >= at) end();
    });
    signal.addEventListener("abort", end);
  });
}

class Round {
  readonly injected: FaultKind[] = [];
  readonly resumedMs: Partial<Record<FaultKind, number[]>> = {};
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Does the faults of the plan while there is work; resolves when the effects of the last one are over. */
  async torment(signal: AbortSignal): Promise<void> {
    const pending: Promise<void>[] = [];
    for (const fault of this.#world.plan.faults) {
      await awaitShare(this.#world, fault.at, signal);
      if (signal.aborted) break;
      pending.push(this.#inject(fault));
    }
    await Promise.all(pending);
  }

  async #inject(fault: PlannedFault): Promise<void> {
    const { kind } = fault;
    const atMs = performance.now();
    const hit = ({ name, relay }: { readonly name: string; readonly relay: Relay }) => {
      const { opened } = relay;
      const unlisten = this.#world.onOutcome(({ worker }) => {
        // What was on its way before the break does not count.
        if (relay.opened === opened || !`${worker}-`.startsWith(`${name}-`)) return;
        unlisten();
        this.resumedMs[kind] = [...(this.resumedMs[kind] ?? []), performance.now() - atMs];
      });
    };
    try {
      if (await faults[kind](this.#world, fault, hit)) this.injected.push(kind);
    } catch (error) {
      this.#world.findings.isWrong(`${kind}: ${String(error)}`);
    }
  }
}

/** How long nobody got anything. */
class Gaps {
  longestMs = 0;
  /** Resolves when it is so long that nothing is to be expected any more. */
  readonly hang: Promise<false>;
  #lastMs = performance.now();
  readonly end: () => void;

  constructor(world: World) {
    let hang = () => {};
    this.hang = new Promise((resolve) => {
      hang = () => resolve(false);
    });
    const timer = setTimeout(hang, HANG_MS);
    const mark = () => {
      const nowMs = performance.now();
      this.longestMs = Math.max(this.longestMs, Math.round(nowMs - this.#lastMs));
      this.#lastMs = nowMs;
      timer.refresh();
    };
    const unlisten = world.onOutcome(mark);
    this.end = () => {
      mark();
      unlisten();
      clearTimeout(timer);
    };
  }
}

/** Ends the hub as a crash does, reads its journal again, and lets everybody leave in order. */
async function aftermath(world: World): Promise<void> {
  await auditHub(world, "at the end");
  await world.hub.kill(0);
  await auditHub(world, "after a restart");
  await Promise.all(
    world.idle.map(async (volunteer) => {
      const wrong = await volunteer.drain();
      if (wrong !== "") world.findings.isWrong(wrong);
    }),
  );
  const wrong = await world.hub.stop();
  if (wrong !== "") world.findings.isWrong(wrong);
}

/** Runs the round of a plan. */
export async function runRound(plan: Plan): Promise<RoundReport> {
  const startMs = performance.now();
  const world = await World.open(plan);
  const { findings } = world;
  const round = new Round(world);
  const over = new AbortController();
  const torment = round.torment(over.signal);
  const gaps = new Gaps(world);
  try {
    const done = Promise.all(world.submitters.map((submitter) => submitter.done)).then(() => true);
    const inTime = await Promise.race([done, gaps.hang]);
    over.abort();
    gaps.end();
    if (inTime) await torment;
    else findings.isWrong(`nobody got anything for ${HANG_MS} ms; ${await hubState(world)}`);
    for (const submitter of world.submitters) submitter.audit(findings);
    if (inTime) await aftermath(world);
  } finally {
    over.abort();
    await world.close();
  }
  const tookMs = Math.round(performance.now() - startMs);
  const { injected, resumedMs } = round;
  return { seed: plan.seed, findings, injected, tookMs, longestGapMs: gaps.longestMs, resumedMs };
}
