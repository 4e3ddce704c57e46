/*
 * The hub dies in the middle and comes back: after two seconds, after thirty, after ten minutes, or again and again.
 *
 *   npx musketeers simulate examples/simulations/hub-restart.ts --report hub-restart.html
 */
import { type HubScenario, logNormal, type Scenario, type Study, speeds } from "musketeers/simulator";

const second = 1_000;

const hub = (name: string, how: HubScenario): Scenario => ({
  name,
  durationMs: 6 * 3_600 * second,
  mustFinish: true,
  jobs: [{ name: "fold", inputs: 50_000, workMs: logNormal(5 * second, 0.6) }],
  populations: [
    { name: "laptop", count: 50, slots: 4, speed: speeds.laptop },
    { name: "pi", count: 50, slots: 4, speed: speeds.pi },
  ],
  hub: how,
});

const atMs = 300 * second;

export default {
  name: "A hub's death and restart",
  description:
    "50,000 inputs of about 5 s on 100 machines. Killed after five minutes; and once as a power cut.",
  cases: [
    hub("lives", {}),
    hub("back after 2 s", { crashesAtMs: [atMs], restartMs: 2 * second }),
    hub("back after 30 s", { crashesAtMs: [atMs], restartMs: 30 * second }),
    hub("back after 10 min", { crashesAtMs: [atMs], restartMs: 600 * second }),
    hub("power cut, 30 s", { crashesAtMs: [atMs], restartMs: 30 * second, unsyncedMs: second }),
    hub("20 crashes an hour", { crashesPerHour: 20, restartMs: 10 * second }),
  ],
} satisfies Study;
