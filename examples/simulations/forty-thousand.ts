/*
 * The 40,000-node day: nodes with four slots each, ten million units of about 20 minutes, 24 hours. It takes ten minutes or so and 3 GB.
 *
 *   npx musketeers simulate examples/simulations/forty-thousand.ts --check none --report forty-thousand.html
 */
import { type Scenario, uniform } from "musketeers/simulator";

const minute = 60_000;

export default {
  name: "Forty thousand nodes, one day",
  description: "40,000 nodes with 4 slots, 10,000,000 inputs of 10 to 30 minutes, one unit each.",
  durationMs: 24 * 60 * minute,
  jobs: [{ name: "day", inputs: 10_000_000, workMs: uniform(10 * minute, 30 * minute) }],
  populations: [{ name: "node", count: 40_000, slots: 4, startMs: uniform(0, minute) }],
  limits: {
    workersMax: 100_000,
    leaseTtlMs: 3 * minute,
    heartbeatIntervalMs: minute,
    unitTargetMs: 20 * minute,
    prefetchUnitsMax: 1,
    prefetchMs: minute,
    receiptDelayMs: 1_000,
  },
} satisfies Scenario;
