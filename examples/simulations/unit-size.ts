/*
 * Large units save starts, small ones end together. Where is the best, for a task whose every unit costs 300 ms to start?
 *
 *   npx musketeers simulate examples/simulations/unit-size.ts --report unit-size.html
 */
import { logNormal, type Scenario, type Study, speeds } from "musketeers/simulator";

const second = 1_000;

const target = (seconds: number): Scenario => ({
  name: `${seconds} s`,
  durationMs: 24 * 3_600 * second,
  mustFinish: true,
  jobs: [{ name: "image", inputs: 200_000, workMs: logNormal(80, 0.8), unitOverheadMs: 300 }],
  populations: [
    { name: "laptop", count: 20, slots: 4, speed: speeds.laptop },
    { name: "pi", count: 20, slots: 4, speed: speeds.pi },
  ],
  limits: { unitTargetMs: seconds * second },
});

export default {
  name: "Unit size against overhead and stragglers",
  description: "200,000 inputs of 0.1 s; a unit costs 0.3 s to start. Cases: the duration that units aim at.",
  cases: [0.1, 0.3, 1, 3, 10, 30, 100].map(target),
} satisfies Study;
