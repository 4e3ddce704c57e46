import { parseArgs } from "node:util";
import type * as simulator from "../../src/simulator/index.ts";
import { plantedBugs } from "./planted-bugs.ts";
import { simulatorWith } from "./planting.ts";

/*
 * npm run simulate:planted -- [--scenarios N] [--seed N] [--bug WORDS] [--json]
 *
 * Each bug gets so many seeds, not so much time: what is found does not hang on the machine. The seeds that were
 * needed are run without any bug, too, which must find nothing.
 */

const { values } = parseArgs({
  options: {
    scenarios: { type: "string", default: "400" },
    seed: { type: "string", default: "1" },
    bug: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});

/** How many seeds it took, and what was found. */
function seedsToFind(run: typeof simulator.runSwarm, firstSeed: number, seedsMax: number) {
  for (let seeds = 1; seeds <= seedsMax; seeds++) {
    const [violation] = run(firstSeed + seeds - 1).violations;
    if (violation !== undefined) return { seeds, violation };
  }
  return { seeds: seedsMax, violation: undefined };
}

const say = (line: string) => {
  if (!values.json) process.stdout.write(`${line}\n`);
};
const firstSeed = Number(values.seed);
const seedsMax = Number(values.scenarios);
const planted = [];
for (const bug of plantedBugs) {
  if (!bug.name.includes(values.bug)) continue;
  const faulty = await simulatorWith(bug);
  const run = bug.forgetful === true ? faulty.runForgetful : faulty.runSwarm;
  const { seeds, violation } = seedsToFind(run, firstSeed, seedsMax);
  const message = violation?.message.split("\n").slice(0, 2).join(" ") ?? null;
  const kind = violation?.kind ?? null;
  planted.push({ bug: bug.name, found: violation !== undefined, seeds, kind, message });
  say(
    `${bug.name}: ${kind === null ? `NOT FOUND in ${seeds} seeds` : `${kind}, seed ${firstSeed + seeds - 1}`}`,
  );
}
const { runSwarm, runForgetful } = await simulatorWith(undefined);
const seeds = Math.max(0, ...planted.map((result) => result.seeds));
let violations = 0;
for (let at = 0; at < seeds; at++) {
  violations += runSwarm(firstSeed + at).violations.length;
  violations += runForgetful(firstSeed + at).violations.length;
}
say(`no bug at all: ${violations} violations in ${seeds} seeds`);
const summary = { seed: firstSeed, planted, sound: { seeds, violations } };
if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
if (violations > 0 || planted.some(({ found }) => !found)) process.exitCode = 1;
