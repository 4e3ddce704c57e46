import { parseArgs } from "node:util";
import { LiveLine } from "../../src/cli/render/progress.ts";
import { processTerminal } from "../../src/cli/terminal.ts";
import type { QuorumSpec } from "../../src/protocol/index.ts";
import { type Campaign, type CampaignOptions, runCampaign } from "./campaign.ts";
import { type Cast, hundred } from "./cast.ts";
import {
  believedOnWord,
  castLines,
  foundLines,
  honestUnits,
  isSound,
  sleepersLine,
  sleepersShare,
  summaryOf,
  verdictLine,
  wrongedLines,
} from "./report.ts";

/* npm run byzantine -- [--seed N] [--json] */

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    units: { type: "string", default: "160" },
    json: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const unitsEach = Number(values.units);
if (!Number.isInteger(seed) || !Number.isInteger(unitsEach) || unitsEach < 1) {
  process.stderr.write("--seed and --units are whole numbers\n");
  process.exit(2);
}

const twoOfThree: QuorumSpec = { agree: 2, of: 3, adaptive: true, deterministic: true };
const allHonest: Cast = { honest: 99, vouched: 1 };
const terminal = processTerminal();
const live = new LiveLine(terminal, terminal.errIsTTY);

async function run(name: string, changes: Partial<CampaignOptions>): Promise<Campaign> {
  const campaign = await runCampaign({
    cast: hundred,
    seed,
    unitsEach,
    quorum: twoOfThree,
    honestFor: 30,
    workMs: 10,
    onProgress: (done, of) => live.set(`${name}: ${done.toLocaleString("en")} of ${of.toLocaleString("en")}`),
    ...changes,
  });
  live.clear();
  return campaign;
}

const say = (...lines: readonly string[]): void => {
  for (const line of lines) process.stdout.write(`${line}\n`);
};

const main = await run("2 of 3", {});
const seconds = (main.tookMs / 1000).toFixed(1);
for (const line of wrongedLines(main)) process.stderr.write(`taken for a liar:${line}\n`);
process.stderr.write(`seed ${seed}: ${main.inputs} inputs in ${seconds} s\n`);
if (values.json) {
  say(JSON.stringify(summaryOf(main)));
} else {
  say(
    ...castLines(main),
    "",
    `accepted: ${verdictLine(main)}`,
    ...foundLines(main),
    ...wrongedLines(main),
    "",
  );
  const honest = await run("honest people only", { cast: allHonest });
  say(
    `overhead with ${summaryOf(main).liars} liars of 100: ${(100 * main.overhead).toFixed(1)} % (honest people: ${honestUnits(main)} units each)`,
    `overhead with honest people only: ${(100 * honest.overhead).toFixed(1)} % (${honestUnits(honest)} units each)`,
    "",
  );
  const c = sleepersShare(main);
  const all = await run("2 of 3, all voted on", { quorum: { ...twoOfThree, adaptive: false } });
  const three = await run("3 of 5", { quorum: { ...twoOfThree, agree: 3, of: 5 } });
  const word = believedOnWord(main);
  say(
    `sleepers, ${(100 * c).toFixed(0)} % of all, honest for 30 units; what was accepted of them:`,
    sleepersLine("2 of 3, every input voted on", all, c ** 2),
    sleepersLine("2 of 3, adaptive", main, c ** 2),
    `  ... had nothing been run again: ${word} of ${main.inputs} (${((100 * word) / main.inputs).toFixed(2)} %)`,
    sleepersLine("3 of 5, adaptive", three, c ** 3),
  );
}
process.exitCode = isSound(main) ? 0 : 1;
