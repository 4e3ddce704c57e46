/*
 * How much does it cost that volunteers come and go? The same job on the same 200 machines, with ever shorter stays.
 *
 *   npx musketeers simulate examples/simulations/churn.ts --report churn.html
 */
import { churn, type Scenario, type Study, uniform } from "musketeers/simulator";

const minute = 60_000;

function stays(name: string, meanOnMs: number): Scenario {
  return {
    name,
    durationMs: 24 * 60 * minute,
    mustFinish: true,
    jobs: [{ name: "model", inputs: 20_000, workMs: uniform(0.5 * minute, 1.5 * minute) }],
    populations: [
      {
        name: "volunteer",
        count: 200,
        slots: 2,
        // As long off as a tenth of what it is on: all cases have the same 91 % of the machines.
        ...(meanOnMs === Number.POSITIVE_INFINITY ? {} : { availability: churn(meanOnMs, meanOnMs / 10) }),
      },
    ],
  };
}

export default {
  name: "Makespan and waste against churn",
  description: "20,000 inputs of about a minute on 200 machines that stay for hours, or for a minute.",
  cases: [
    stays("for ever", Number.POSITIVE_INFINITY),
    stays("8 h", 480 * minute),
    stays("1 h", 60 * minute),
    stays("15 min", 15 * minute),
    stays("5 min", 5 * minute),
    stays("2 min", 2 * minute),
    stays("1 min", minute),
  ],
} satisfies Study;
