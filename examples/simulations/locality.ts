/*
 * What does it bring to give inputs to machines that have their data? Twenty machines read a dataset of 2 GB four times over a hub's
 * line of 100 Mbit/s, with and without the advice on who has what, and with neighbours that give each other blocks.
 *
 *   npx musketeers simulate examples/simulations/locality.ts --seed 1
 */
import { type Population, type Scenario, type Study, uniform } from "musketeers/simulator";

const megabyte = 1_000_000;

const passes = (name: string, nearInputsMax: number, machine: Partial<Population> = {}): Scenario => ({
  name,
  durationMs: 24 * 3_600_000,
  mustFinish: true,
  datasets: [{ name: "corpus", bytes: 2_000 * megabyte, blocks: 2_000, replicas: 0 }],
  jobs: [0, 1, 2, 3].map((pass) => ({
    name: `pass ${pass + 1}`,
    arrivalMs: pass * 600_000,
    inputs: 2_000,
    workMs: uniform(200, 800),
    reads: { dataset: "corpus" },
  })),
  populations: [
    { name: "pc", count: 20, slots: 2, speed: uniform(0.6, 1.6), cacheBytes: 1_000 * megabyte, ...machine },
  ],
  network: { latencyMs: 10, bytesPerSecond: 12.5 * megabyte },
  hub: { bytesPerSecond: 12.5 * megabyte },
  limits: { nearInputsMax },
});

export default {
  name: "Inputs to where their data is",
  description: "A dataset of 2 GB read four times by twenty machines; the hub sends 12.5 MB a second.",
  cases: [
    passes("anybody", 0),
    passes("who has it first", 100_000),
    passes("anybody, neighbours serve", 0, { neighbourBytesPerSecond: 50 * megabyte }),
    passes("who has it first, neighbours serve", 100_000, { neighbourBytesPerSecond: 50 * megabyte }),
    passes("who has it first, caches of 50 MB", 100_000, { cacheBytes: 50 * megabyte }),
  ],
} satisfies Study;
