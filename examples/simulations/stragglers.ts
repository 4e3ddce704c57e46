/*
 * What speculation (a second copy of what is late) does where some machines are slow and some fall asleep in the middle.
 * Trimming has no switch; it has something to do where units are long, so there are cases of both. One seed says little here:
 * try several.
 *
 *   npx musketeers simulate examples/simulations/stragglers.ts --report stragglers.html
 */
import { churn, logNormal, type Scenario, type Study, speeds } from "musketeers/simulator";

const second = 1_000;
const never = 1e12;

const scenario = (name: string, limits: Scenario["limits"]): Scenario => ({
  name,
  durationMs: 24 * 3_600 * second,
  mustFinish: true,
  jobs: [{ name: "frame", inputs: 4_000, workMs: logNormal(4 * second, 0.7) }],
  populations: [
    { name: "server", count: 4, slots: 16, speed: speeds.server },
    {
      name: "phone",
      count: 40,
      slots: 2,
      speed: speeds.phone,
      availability: churn(300 * second, 60 * second),
      departure: { freeze: 1 },
    },
  ],
  limits: { ...limits },
});

export default {
  name: "Speculation on and off, units short and long",
  description:
    "4,000 inputs of about 5 s on fast servers and on phones that fall asleep with what they have.",
  cases: [
    scenario("short units, speculation", {}),
    scenario("short units, none", { speculationAfterMs: never }),
    scenario("units of 60 s, speculation", { unitTargetMs: 60 * second }),
    scenario("units of 60 s, none", { unitTargetMs: 60 * second, speculationAfterMs: never }),
  ],
} satisfies Study;
