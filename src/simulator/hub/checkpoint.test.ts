import { expect, test } from "vitest";
import { churn, dalyMs, expectedMs, type Scenario, simulate } from "../index.ts";

const MINUTE_MS = 60_000;
const mtbfMs = 120 * MINUTE_MS;
const costMs = 0.5 * MINUTE_MS;
const restartMs = MINUTE_MS;

/** Useful share of the busy time of 200 nodes, each with one input of ten hours, that save so often. */
function usefulShare(intervalMs: number): number {
  const scenario: Scenario = {
    name: "checkpoints",
    durationMs: 60 * 24 * 60 * MINUTE_MS,
    mustFinish: true,
    jobs: [
      {
        name: "orbit",
        inputs: 200,
        workMs: 600 * MINUTE_MS,
        maxAttempts: 1_000,
        checkpoint: { intervalMs, costMs, restartMs },
      },
    ],
    populations: [{ name: "node", count: 200, availability: churn(mtbfMs, 0.1 * MINUTE_MS) }],
    limits: { unitInputsMax: 1, prefetchUnitsMax: 0, speculationAfterMs: 1e12 },
  };
  const { slotTime, violations } = simulate(scenario, { seed: 1 });
  expect(violations).toEqual([]);
  const { idle, ...busy } = slotTime;
  return slotTime.useful / Object.values(busy).reduce((sum, part) => sum + part, 0);
}

/*
 * Daly lets every attempt begin with a restart, and saves after the last piece of work, too; here the first attempt
 * has nothing to restore and the last piece nothing to save. So a simulated run is a little cheaper than his.
 */
test("the best interval between checkpoints is Daly's, and what each costs is what his formula says", () => {
  const bestMs = dalyMs(costMs, mtbfMs);
  const intervals = [MINUTE_MS, 3 * MINUTE_MS, bestMs, 30 * MINUTE_MS, 80 * MINUTE_MS];
  const shares = intervals.map((intervalMs) => {
    const share = usefulShare(intervalMs);
    const expected = 1 / expectedMs(1, { intervalMs, costMs, restartMs }, mtbfMs);
    expect(Math.abs(share / expected - 1), `every ${intervalMs / MINUTE_MS} min`).toBeLessThan(0.03);
    return share;
  });
  expect(Math.max(...shares)).toBe(shares[2]);
});
