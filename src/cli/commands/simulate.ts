import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { MusketeersError } from "../../protocol/index.ts";
import type { SimulationResult, Study, Violation } from "../../simulator/index.ts";
import { type Context, integerArgument, type JsonOption, jsonOption, withExamples } from "../context.ts";
import { ExitStatus } from "../failure.ts";
import { count, duration } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { LiveLine } from "../render/progress.ts";
import { meter } from "../render/table.ts";

interface SimulateCommandOptions extends JsonOption {
  readonly seed: number;
  readonly check: "tick" | "end" | "none";
  readonly report?: string;
}

/** Exit statuses by what was found, as of the swarm; the gravest counts. */
const statusOf = { crash: 21, liveness: 22, correctness: 23 } as const;

export function addSimulate(program: Command, context: Context): void {
  const command = program
    .command("simulate")
    .argument("<file>", "a scenario, or a study of several: .ts, .js or .yaml")
    .option("--seed <number>", "what chance is drawn from", integerArgument(0, 2 ** 32 - 1), 1)
    .addOption(
      new Option("--check <when>", "when everything is checked")
        .choices(["tick", "end", "none"])
        .default("end"),
    )
    .option("--report <file>", "write a page with pictures, one HTML file that needs nothing else")
    .addOption(jsonOption("print the results as JSON: the same bytes for the same file, seed and version"))
    .action((file: string, options: SimulateCommandOptions) => runSimulate(context, file, options))
    .addHelpText(
      "after",
      "\nExit status where the simulated cluster went wrong:\n  21 crash, 22 liveness, 23 correctness",
    );
  withExamples(
    command,
    ["musketeers simulate examples/simulations/boot-storm.ts --seed 1", "750 nodes are switched on"],
    ["musketeers simulate mine.yaml --report out.html", "pictures of a scenario of your own"],
  );
}

async function runSimulate(context: Context, file: string, options: SimulateCommandOptions): Promise<void> {
  const { terminal } = context;
  // Loaded here, with its bundler, so that other commands do without.
  const [{ loadStudy }, { simulate, studyOf }] = await Promise.all([
    import("../simulation/load.ts"),
    import("../../simulator/index.ts"),
  ]);
  const given = await loadStudy(file);
  const study = studyOf(given);
  const line = new LiveLine(terminal);
  const startedMs = terminal.now();
  const results: SimulationResult[] = [];
  for (const [at, scenario] of study.cases.entries()) {
    const onProgress = ({ share, inputsDone }: { readonly share: number; readonly inputsDone: number }) => {
      const all = (at + share) / study.cases.length;
      line.set(meter(all, `${scenario.name}  ${count(inputsDone)} inputs done`, terminal.columns));
    };
    results.push(simulate(scenario, { seed: options.seed, check: options.check, onProgress }));
  }
  line.clear();
  if (options.report !== undefined) await writeReport(options.report, study, results);
  terminal.out(
    options.json
      ? jsonLine("cases" in given ? { study: study.name, results } : results[0])
      : summary(study, results),
  );
  if (!options.json)
    terminal.err(context.errStyle.dim(`${speedText(results, terminal.now() - startedMs)}\n`));
  failOn(context, options.seed, results);
}

async function writeReport(path: string, study: Study, results: readonly SimulationResult[]): Promise<void> {
  const { renderReport } = await import("../simulation/report.ts");
  await writeFile(path, renderReport(study, results)).catch((cause: Error) => {
    throw new MusketeersError("STORAGE", `The report cannot be written: ${cause.message}`, { cause });
  });
}

function speedText(results: readonly SimulationResult[], realMs: number): string {
  const sum = (of: (result: SimulationResult) => number) => results.reduce((total, it) => total + of(it), 0);
  const seconds = Math.max(0.001, realMs / 1_000);
  return [
    `took ${duration(realMs)}`,
    `${count(sum((it) => it.virtualMs) / 1_000 / seconds)} virtual seconds a second`,
    `${count(sum((it) => it.schedulerSteps) / seconds)} scheduler steps a second`,
    `${count(process.resourceUsage().maxRSS / 1_024)} MB`,
  ].join(", ");
}

function summary(study: Study, results: readonly SimulationResult[]): string {
  const lines = [study.name, ...(study.description === undefined ? [] : [study.description]), ""];
  for (const result of results) {
    const { slotTime, messagesPerSecond, peaks } = result;
    const all = Object.values(slotTime).reduce((total, part) => total + part, 0);
    const share = (part: number) => `${all > 0 ? ((100 * part) / all).toFixed(1) : "0.0"} %`;
    const lost = slotTime.crashed + slotTime.duplicate + slotTime.retried + slotTime.corrupted;
    lines.push(
      result.scenario,
      `  makespan   ${result.makespanMs === null ? "not all jobs ended" : duration(result.makespanMs)}`,
      `  inputs     ${count(result.inputsDone)} of ${count(result.inputs)} done, ${count(result.inputsFailed)} failed`,
      `  slot time  useful ${share(slotTime.useful)}, idle ${share(slotTime.idle)}, wasted ${share(lost)}, overhead ${share(slotTime.overhead)}`,
      `  hub        ${count(messagesPerSecond.mean)} messages/s, at most ${count(messagesPerSecond.peak)}; ${count(peaks.workers)} workers; ${count(result.hubCrashes)} crashes`,
      ...trustLines(result),
      "",
    );
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

function trustLines({ trust }: SimulationResult): string[] {
  if (trust === undefined) return [];
  const all = Object.values(trust.accepted).reduce((sum, accepted) => sum + accepted, 0);
  const wrong = Object.values(trust.wrong).reduce((sum, accepted) => sum + accepted, 0);
  return [
    `  trust      ${count(wrong)} of ${count(all)} accepted values wrong; ${(100 * trust.overhead).toFixed(1)} % more answers than values; ${count(trust.rerun)} taken back, ${count(trust.disputed)} disputed`,
  ];
}

function failOn({ terminal, errStyle }: Context, seed: number, results: readonly SimulationResult[]): void {
  const found: Violation[] = [];
  for (const { scenario, version, violations } of results) {
    for (const violation of violations) {
      const { kind, message, virtualMs, step } = violation;
      found.push(violation);
      terminal.err(
        `${errStyle.bad(`${kind}:`)} ${message}\n  ${scenario}, seed ${seed}, version ${version}, step ${count(step)}, ${duration(virtualMs)}\n`,
      );
    }
  }
  if (found.length > 0) throw new ExitStatus(Math.max(...found.map(({ kind }) => statusOf[kind])));
}
