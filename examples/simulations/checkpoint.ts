/*
 * How often should a task save its state? Long inputs on machines that crash every two hours in the mean; a checkpoint
 * takes 30 s, a restart a minute. Young (1974) and Daly (2006) have formulas; each case tries an interval.
 *
 *   npx musketeers simulate examples/simulations/checkpoint.ts --report checkpoint.html
 */
import { churn, dalyMs, type Scenario, type Study, youngMs } from "musketeers/simulator";

const minute = 60_000;
const mtbfMs = 120 * minute;
const costMs = 0.5 * minute;
const restartMs = minute;

const every = (name: string, intervalMs: number): Scenario => ({
  name,
  durationMs: 60 * 24 * 60 * minute,
  mustFinish: true,
  jobs: [
    {
      name: "orbit",
      inputs: 400,
      workMs: 600 * minute,
      maxAttempts: 1_000,
      checkpoint: { intervalMs, costMs, restartMs },
    },
  ],
  // As many machines as inputs: the time of each is its own work, and what crashes cost.
  populations: [{ name: "node", count: 400, availability: churn(mtbfMs, 0.1 * minute) }],
  limits: { unitInputsMax: 1, prefetchUnitsMax: 0, speculationAfterMs: 1e12 },
});

export default {
  name: "Checkpoint interval",
  description: `400 inputs of 10 h; MTBF 2 h; a checkpoint costs 30 s. Young says ${(youngMs(costMs, mtbfMs) / minute).toFixed(1)} min, Daly ${(dalyMs(costMs, mtbfMs) / minute).toFixed(1)} min.`,
  cases: [
    ...[1, 2, 5].map((minutes) => every(`${minutes} min`, minutes * minute)),
    every("Daly", dalyMs(costMs, mtbfMs)),
    ...[15, 20, 40, 80].map((minutes) => every(`${minutes} min`, minutes * minute)),
  ],
} satisfies Study;
