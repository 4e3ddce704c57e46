import { among, between, sometimes } from "../environment/choices.ts";
import type { Availability, Random, Scenario } from "../types.ts";

const TURNS_MAX = 40;

/**
 * A hub that loses its disk again and again while datasets are put and removed and none of its keepers stays for long: some
 * have only the blocks, others only a catalogue, and no two the same one. In the end all are there.
 */
export function forgetfulScenario(random: Random, seed: number): Scenario {
  const upMs = among(random, 300, 1_000, 4_000);
  const downMs = among(random, 300, 2_000, 6_000);
  const putsMs = Array.from({ length: among(random, 1, 1, 3, 8) }, () => between(random, 500, 40_000));
  const comeAndGo: Availability = (own, { turn, nowMs }) => {
    if (turn >= TURNS_MAX) return { online: true, forMs: Number.POSITIVE_INFINITY };
    if (turn % 2 === 1) return { online: false, forMs: own.exponential() * downMs };
    // Some leave about when the catalogue of a put is given out.
    const next = putsMs.filter((putMs) => putMs > nowMs).sort((a, b) => a - b)[0];
    const isAimed = next !== undefined && next < nowMs + 4 * upMs && own.chance(0.8);
    return { online: true, forMs: isAimed ? next - nowMs + own.next() * 200 : own.exponential() * upMs };
  };
  const lossesMs = putsMs.map((putMs) => putMs + between(random, 20, among(random, 300, 3_000)));
  const losses = lossesMs.slice(0, 2 + random.int(5));
  const removal = (putMs: number) => {
    const afterMs = among(random, ...losses) + between(random, 0, 3_000) - putMs;
    return random.chance(0.5) && afterMs > 0 ? { removeAfterMs: afterMs } : {};
  };
  return {
    name: `swarm ${seed}`,
    durationMs: 600_000,
    jobs: [{ name: "job", inputs: 1, workMs: 1, retries: 3, arrivalMs: 30_000 }],
    datasets: putsMs.map((putMs, at) => ({
      name: `dataset ${at}`,
      putMs,
      bytes: 1_000,
      blocks: 1 + random.int(2),
      replicas: among(random, 1, 2, 3),
      ...removal(putMs),
    })),
    populations: [
      { name: "stable", count: 1 },
      {
        name: "keepers",
        count: 2 + random.int(3),
        trusted: true,
        availability: comeAndGo,
        startMs: sometimes(random, 0.5, 1_000),
        departure: { crash: random.next() },
        diskLostShare: sometimes(random, 0.2, 0.1),
      },
    ],
    network: { latencyMs: among(random, 0, 5, 60) },
    hub: { diskLostAtMs: losses, restartMs: among(random, 10, 500) },
    limits: {
      replicaGraceMs: among(random, 100, 2_000),
      replicaRetryMs: among(random, 100, 1_000),
      recoveryIntervalMs: among(random, 1, 200),
    },
    mustFinish: true,
  };
}
