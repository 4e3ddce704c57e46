import { parseArgs } from "node:util";
import { LiveLine } from "../../src/cli/render/progress.ts";
import { processTerminal } from "../../src/cli/terminal.ts";
import { fuzz } from "./fuzz.ts";

/* npm run fuzz -- [--frames N] [--seed N] [--json] */

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "200000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    json: { type: "boolean", default: false },
  },
});
const frames = Number(values.frames);
const seed = Number(values.seed);
if (!Number.isInteger(frames) || frames < 1 || !Number.isInteger(seed)) {
  process.stderr.write("--frames and --seed are whole numbers\n");
  process.exit(2);
}

const terminal = processTerminal();
const line = new LiveLine(terminal, terminal.errIsTTY);
const report = await fuzz({
  frames,
  seed,
  onProgress: (count) => line.set(`${count.toLocaleString("en")} of ${frames.toLocaleString("en")} frames`),
});
line.clear();
for (const note of report.notes) process.stderr.write(`${note}\n`);
const { crashes, otherConnectionsDisturbed, hubGrowthBytes, longestGapMs } = report;
const growth = `the hub grew by ${Math.round(hubGrowthBytes / 2 ** 20)} MiB`;
process.stderr.write(`seed ${seed}: ${growth}; a bystander waited ${Math.round(longestGapMs)} ms at most\n`);
const summary = { frames, crashes, otherConnectionsDisturbed };
process.stdout.write(
  values.json
    ? `${JSON.stringify(summary)}\n`
    : `${frames} frames: ${crashes} crashes, ${otherConnectionsDisturbed} other connections disturbed\n`,
);
process.exitCode = crashes + otherConnectionsDisturbed > 0 ? 1 : 0;
