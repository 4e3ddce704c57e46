import { expect, test } from "vitest";
import { meanWaitMs, type Random, type Scenario, simulate } from "./index.ts";

/*
 * The simulator as a queue, held to Erlang's C formula by itself: arrivals one by one, work drawn from an exponential
 * distribution, and as many servers as there are slots. The mean of a queue settles slowly, because a customer waits
 * with those before it. Every run has therefore an antithetic one, whose draws are short where the first one's are
 * long (Hammersley and Morton, 1956); so many customers leave a standard deviation of about 1.5 %. `simulate.test.ts`
 * holds the same runs to 1 % of the recursion of their own draws.
 */

const SERVICE_MS = 1_000;
const CUSTOMERS = 25_000;

/** Exponential with mean 1, or the same number's antithetic partner. */
const draws = (random: Random, mirrored: boolean): number => {
  const number = random.next();
  return -Math.log(mirrored ? number : 1 - number);
};

const queue = (servers: number, load: number, mirrored: boolean): Scenario => ({
  name: "M/M/c",
  durationMs: 1e12,
  mustFinish: true,
  jobs: [
    {
      name: "customers",
      inputs: CUSTOMERS,
      workMs: (random) => draws(random, mirrored) * SERVICE_MS,
      feed: { inputsPerAppend: 1, everyMs: (random) => (draws(random, mirrored) * SERVICE_MS) / load },
    },
  ],
  populations: [{ name: "server", count: servers }],
  network: { latencyMs: 0 },
  hub: { appendMs: 0 },
  // One input a unit, no copies, nothing in advance, no delay of the wire's.
  limits: {
    unitInputsMax: 1,
    prefetchUnitsMax: 0,
    speculationAfterMs: 1e12,
    leaseTtlMs: 3_600_000,
    heartbeatIntervalMs: 600_000,
    receiptDelayMs: 0,
  },
});

test.each([
  { servers: 1, load: 0.5, pairs: 2 },
  { servers: 2, load: 1.2, pairs: 4 },
  { servers: 4, load: 2.8, pairs: 8 },
])(
  "waiting times of M/M/$servers at load $load are Erlang's, within 3 %",
  { timeout: 900_000 },
  ({ servers, load, pairs }) => {
    let total = 0;
    for (let seed = 1; seed <= pairs; seed++) {
      for (const mirrored of [false, true]) {
        const { jobs, violations } = simulate(queue(servers, load, mirrored), { seed, check: "none" });
        expect(violations).toEqual([]);
        total += jobs[0]!.meanWaitMs;
      }
    }
    const expectedMs = meanWaitMs(servers, SERVICE_MS / load, SERVICE_MS);
    expect(Math.abs(total / (2 * pairs) / expectedMs - 1)).toBeLessThan(0.03);
  },
);
