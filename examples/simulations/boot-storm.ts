/*
 * Los Alamos' question: 750 Raspberry Pis are switched on at once. How long until all of them work, and what does the
 * hub carry meanwhile?
 *
 *   npx musketeers simulate examples/simulations/boot-storm.ts --seed 1 --report boot-storm.html
 */
import { logNormal, type Scenario, speeds } from "musketeers/simulator";

const second = 1_000;

export default {
  name: "Boot storm of 750 nodes",
  description:
    "One switch, 750 Raspberry Pis with 4 slots each; they boot in about 35 s. One job waits for them.",
  durationMs: 3_600 * second,
  mustFinish: true,
  jobs: [{ name: "render", inputs: 60_000, workMs: logNormal(2 * second, 0.5) }],
  populations: [
    {
      name: "pi",
      count: 750,
      slots: 4,
      speed: speeds.pi,
      startMs: logNormal(35 * second, 0.15),
      network: { latencyMs: 2, jitterMs: 3 },
    },
  ],
  hub: { messageMs: 0.05 },
} satisfies Scenario;
