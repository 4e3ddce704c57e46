import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { FAULTS_A_ROUND, type FaultKind, faultKinds, type Plan, planRound } from "./plan.ts";
import { killAll } from "./program.ts";
import { nextSeed } from "./random.ts";
import { type RoundReport, runRound } from "./round.ts";
import { Findings } from "./transcript.ts";
import { removeHomes } from "./world.ts";

/* npm run chaos -- [--rounds N] [--seed N] [--json] [--parallel N] [--faults N] [--report FILE] */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    parallel: { type: "string", default: "3" },
    faults: { type: "string", default: String(FAULTS_A_ROUND) },
    json: { type: "boolean", default: false },
    report: { type: "string" },
  },
});

const rounds = Number(values.rounds);
const say = (line: string) => process.stderr.write(`${line}\n`);

/** So many rounds do every kind of fault for certain. */
const ROUNDS_FOR_ALL = 20;
/** What did not come to happen, because the work was done before, gets so many rounds more. */
const EXTRA_ROUNDS_MAX = 3;

const plans: Plan[] = [];
let seed = Number(values.seed);
for (; plans.length < rounds; seed = nextSeed(seed)) plans.push(planRound(seed, Number(values.faults)));

process.once("exit", () => {
  killAll();
  removeHomes();
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const reports: RoundReport[] = [];
const total = new Findings();
let begun = 0;

function tell({ seed, findings, injected, tookMs, longestGapMs }: RoundReport): void {
  const verdict = findings.clean ? "ok" : "NOT OK";
  const seconds = (tookMs / 1_000).toFixed(1);
  const gap = `longest wait ${(longestGapMs / 1_000).toFixed(1)} s`;
  say(
    `round ${reports.length}/${rounds}  seed ${seed}  ${seconds} s, ${gap}  ${verdict}  ${injected.join(" ")}`,
  );
  for (const note of findings.notes.slice(0, 20)) say(`    ${note.trim()}`);
  if (!findings.clean) say(`    again: npm run chaos -- --rounds 1 --seed ${seed} --faults ${values.faults}`);
}

async function work(): Promise<void> {
  while (begun < plans.length) {
    const report = await runRound(plans[begun++]!);
    reports.push(report);
    total.add(report.findings);
    tell(report);
  }
}

const times = (kind: FaultKind) =>
  reports.flatMap(({ injected }) => injected).filter((k) => k === kind).length;
const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const demanded = new Set(
  rounds >= ROUNDS_FOR_ALL ? faultKinds : plans.flatMap((plan) => plan.faults.map(({ kind }) => kind)),
);
const missingNow = () => [...demanded].filter((kind) => times(kind) === 0);

say(`chaos: ${rounds} rounds from seed ${values.seed}`);
await Promise.all(Array.from({ length: Number(values.parallel) }, work));
for (let extra = 0; extra < EXTRA_ROUNDS_MAX && missingNow().length > 0; extra++) {
  say(`one round more, because this has not happened: ${missingNow().join(" ")}`);
  plans.push(planRound(seed, Number(values.faults), missingNow()));
  seed = nextSeed(seed);
  await work();
}

const counts = Object.fromEntries(faultKinds.map((kind) => [kind, times(kind)]));
const resumed: Partial<Record<FaultKind, number>> = {};
for (const kind of faultKinds) {
  const ms = median(reports.flatMap(({ resumedMs }) => resumedMs[kind] ?? []));
  if (ms !== undefined) resumed[kind] = Math.round(ms);
}
for (const kind of faultKinds) {
  const after = resumed[kind] === undefined ? "" : `, work resumed after ${resumed[kind]} ms (median)`;
  say(`${kind.padEnd(14)} ${counts[kind]} times${after}`);
}
const missing = missingNow();
if (missing.length > 0) say(`never happened: ${missing.join(" ")}`);

const { lost, doubled, wrong } = total;
const summary = { rounds, lost, doubled, wrong };
if (values.report !== undefined) {
  await writeFile(
    values.report,
    JSON.stringify({ ...summary, faults: counts, resumedMs: resumed, reports }, null, 1),
  );
}
process.stdout.write(
  values.json
    ? `${JSON.stringify(summary)}\n`
    : `${rounds} rounds: ${lost} lost, ${doubled} doubled, ${wrong} wrong\n`,
);
process.exitCode = total.clean && missing.length === 0 ? 0 : 1;
