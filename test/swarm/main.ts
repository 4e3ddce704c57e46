import { parseArgs } from "node:util";
import { PACKAGE_VERSION } from "../../src/protocol/index.ts";
import type * as simulator from "../../src/simulator/index.ts";
import { plantedBugs } from "./planted-bugs.ts";
import { simulatorWith } from "./planting.ts";

/*
 * npm run simulate:swarm -- [--seconds N | --scenarios N] [--seed N] [--planted WORDS] [--json]
 * npm run simulate:soak  -- [--seed N] [--json]        until it is told to stop, or something is found
 *
 * `--planted` runs code with the first planted bug that has these words in its name.
 */

/** Exit statuses by what was found; the gravest counts. */
const exitStatus = { correctness: 23, liveness: 22, crash: 21 } as const;
const TELL_EVERY_MS = 10_000;

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    scenarios: { type: "string" },
    seed: { type: "string", default: "1" },
    planted: { type: "string" },
    soak: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const { seconds: time, scenarios: most, soak, json } = values;
const first = Number(values.seed);
const scenariosMax = most === undefined ? Number.POSITIVE_INFINITY : Number(most);
const hasEnd = soak || most !== undefined;
const seconds = time === undefined ? (hasEnd ? Number.POSITIVE_INFINITY : 60) : Number(time);
const bug = plantedBugs.find(({ name }) => values.planted !== undefined && name.includes(values.planted));
if (![first, scenariosMax, seconds].every((number) => number >= 0)) {
  process.stderr.write("--seed, --seconds and --scenarios are numbers\n");
  process.exit(2);
}
if (values.planted !== undefined && bug === undefined) {
  process.stderr.write(
    `No planted bug has "${values.planted}" in its name; they are in test/swarm/planted-bugs.ts\n`,
  );
  process.exit(2);
}

let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stopping = true;
  });
}

// Bundled it is faster than as tsx runs it.
const { runSwarm, isShortest } = await simulatorWith(bug);
const say = (line: string) => process.stderr.write(`${line}\n`);
/** What is of interest to whoever watches only. */
const mention = (line: string) => {
  if (!json) say(line);
};
const startedMs = performance.now();
let toldMs = startedMs;
const found: { seed: number; violation: simulator.Violation; shortest: boolean }[] = [];
let scenarios = 0;
let virtualMs = 0;
let steps = 0;

function tell(seed: number, { violations }: simulator.SimulationResult): void {
  for (const violation of violations) {
    const { kind, message, step, virtualMs: atMs } = violation;
    const shortest = isShortest(seed, violation);
    found.push({ seed, violation, shortest });
    say(`${kind}: seed ${seed}, version ${PACKAGE_VERSION}: ${message}`);
    say(
      `    ${shortest ? "shortest prefix" : "prefix"}: ${step} steps of the scheduler, ${atMs.toFixed(1)} virtual ms`,
    );
    say(`    again: npm run simulate:swarm -- --seed ${seed} --scenarios 1`);
  }
}

if (soak) mention(`seeds from ${first} on, until Ctrl-C`);
while (!stopping && scenarios < scenariosMax && performance.now() - startedMs < seconds * 1_000) {
  const seed = first + scenarios;
  const result = runSwarm(seed);
  scenarios++;
  virtualMs += result.virtualMs;
  steps += result.schedulerSteps;
  tell(seed, result);
  if (soak && found.length > 0) break;
  if (performance.now() - toldMs > TELL_EVERY_MS) {
    toldMs = performance.now();
    mention(`${scenarios} scenarios, ${found.length} violations`);
  }
  // Signals are heard between two scenarios.
  await new Promise((resolve) => setImmediate(resolve));
}

const tookMs = performance.now() - startedMs;
mention(
  `${scenarios} scenarios in ${(tookMs / 1_000).toFixed(1)} s: ${steps} steps, ${(virtualMs / 3_600_000).toFixed(1)} virtual hours, ${Math.round(virtualMs / tookMs)} times real time`,
);
const more = found.length === 0 ? {} : { seed: first, version: PACKAGE_VERSION, found };
const summary = { scenarios, violations: found.length, ...more };
process.stdout.write(
  json ? `${JSON.stringify(summary)}\n` : `${scenarios} scenarios, ${found.length} violations\n`,
);
const kinds = new Set(found.map(({ violation }) => violation.kind));
for (const kind of ["correctness", "liveness", "crash"] as const) {
  if (kinds.has(kind)) process.exitCode = Math.max(Number(process.exitCode ?? 0), exitStatus[kind]);
}
