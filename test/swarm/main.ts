import { parseArgs } from "node:util";
import { PACKAGE_VERSION } from "../../src/protocol/index.ts";
import { runSwarm, type SimulationResult, type Violation } from "../../src/simulator/index.ts";

/*
 * npm run simulate:swarm -- [--seconds N | --scenarios N] [--seed N] [--json]
 * npm run simulate:soak  -- [--seed N] [--json]        until it is told to stop, or something is found
 */

/** Exit statuses by what was found; the gravest counts. */
const exitStatus = { correctness: 23, liveness: 22, crash: 21 } as const;

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    scenarios: { type: "string" },
    seed: { type: "string", default: "1" },
    soak: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const first = Number(values.seed);
const scenariosMax = values.scenarios === undefined ? Number.POSITIVE_INFINITY : Number(values.scenarios);
const seconds =
  values.seconds === undefined
    ? values.soak || values.scenarios !== undefined
      ? Number.POSITIVE_INFINITY
      : 60
    : Number(values.seconds);
if (![first, scenariosMax, seconds].every((number) => number >= 0)) {
  process.stderr.write("--seed, --seconds and --scenarios are numbers\n");
  process.exit(2);
}

let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stopping = true;
  });
}

const say = (line: string) => process.stderr.write(`${line}\n`);
const startedMs = performance.now();
const found: { seed: number; violation: Violation }[] = [];
let scenarios = 0;
let virtualMs = 0;
let steps = 0;

function tell(seed: number, { violations }: SimulationResult): void {
  for (const violation of violations) {
    found.push({ seed, violation });
    const { kind, message, step, virtualMs: atMs } = violation;
    say(`${kind}: seed ${seed}, version ${PACKAGE_VERSION}: ${message}`);
    // Every check runs after every step: no shorter run shows it.
    say(`    shortest prefix: ${step} steps of the scheduler, ${atMs.toFixed(1)} virtual ms`);
    say(`    again: npm run simulate:swarm -- --seed ${seed} --scenarios 1`);
  }
}

while (!stopping && scenarios < scenariosMax && performance.now() - startedMs < seconds * 1_000) {
  const seed = first + scenarios;
  const result = runSwarm(seed);
  scenarios++;
  virtualMs += result.virtualMs;
  steps += result.schedulerSteps;
  tell(seed, result);
  if (values.soak && found.length > 0) break;
  if (scenarios % 500 === 0) say(`${scenarios} scenarios, ${found.length} violations`);
  // Signals are heard between two scenarios.
  if (scenarios % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
}

const tookMs = performance.now() - startedMs;
say(
  `${scenarios} scenarios in ${(tookMs / 1_000).toFixed(1)} s: ${steps} steps, ${(virtualMs / 3_600_000).toFixed(1)} virtual hours, ${Math.round(virtualMs / tookMs)} times real time`,
);
const summary = { scenarios, violations: found.length, seed: first, version: PACKAGE_VERSION, found };
process.stdout.write(
  values.json ? `${JSON.stringify(summary)}\n` : `${scenarios} scenarios, ${found.length} violations\n`,
);
const kinds = new Set(found.map(({ violation }) => violation.kind));
for (const kind of ["correctness", "liveness", "crash"] as const) {
  if (kinds.has(kind)) process.exitCode = Math.max(Number(process.exitCode ?? 0), exitStatus[kind]);
}
