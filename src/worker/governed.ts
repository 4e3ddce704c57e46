import type { Limits } from "../protocol/index.ts";
import type { Agent } from "./agent/agent.ts";
import type { Priority } from "./executors/index.ts";
import {
  Governor,
  onBattery,
  othersProbe,
  ownTime,
  type Probes,
  type Rules,
  readPause,
  Throttle,
  untouchedMs,
} from "./governor/index.ts";
import type { SandboxPool } from "./slots/sandbox-pool.ts";

/** How much of a machine its volunteer lends, and when. */
export interface Lending extends Partial<Rules> {
  /** Part of each processor in use, from above 0 to 1. */
  readonly cpuShare?: number;
  /** How tasks compete for processors with what else runs there: `normal` where nothing is said. */
  readonly priority?: Priority;
  /** Where the volunteer's word is kept, see `writePause`. */
  readonly pauseFile?: string;
  /** For tests; the machine's own where nothing is said. */
  readonly probes?: Probes;
}

/** What other programs use can be told where the time of each sandbox can: on Linux. */
const probesHere = (pool: SandboxPool): Probes => ({
  untouchedMs: () => untouchedMs(),
  others: process.platform === "linux" ? othersProbe(ownTime(() => pool.pids)) : async () => undefined,
  onBattery,
});

/**
 * Keeps a worker to what its volunteer lends; gives what ends that. Resolves when it was looked at for the first time,
 * so that nothing runs that may not.
 */
export async function govern(
  agents: readonly Agent[],
  pool: SandboxPool,
  { cpuShare = 1, pauseFile, probes = probesHere(pool), ...rules }: Lending,
  limits: Pick<Limits, "governIntervalMs">,
): Promise<() => void> {
  const throttle = new Throttle(pool, cpuShare);
  const governor = new Governor({
    rules: { onBattery: "run", ...rules },
    probes,
    toldToPause: async () =>
      pauseFile !== undefined && (await readPause(pauseFile, Date.now())) !== undefined,
    now: () => new Date(),
    intervalMs: limits.governIntervalMs,
    onDecision: (reason) => {
      throttle.stop();
      for (const agent of agents) {
        if (reason === undefined) agent.resume();
        else agent.pause(reason);
      }
      if (reason === undefined) throttle.start();
    },
  });
  await governor.start();
  return () => {
    governor.stop();
    throttle.stop();
  };
}
