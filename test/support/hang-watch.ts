import { execFileSync } from "node:child_process";
import type { TestCase, TestModule, TestSpecification } from "vitest/node";
import SkipSummary from "./skip-summary.ts";

const lookEveryMs = 30_000;
const slowMs = 120_000;
// A test ends by its own timeout; a file beyond this has a process that no timeout reaches (frozen, or in an endless loop).
const hungMs = 10 * 60_000;

// All files have ended, and the run does not: Vitest 4 waits for the exit of a process that a signal ended just before.
const afterAllMs = 120_000;

/** Names the files that take long while they run, and ends a run that hangs with a look at its processes. */
export default class HangWatch {
  readonly #startedMs = new Map<string, number>();
  readonly #tests = new Map<string, string>();
  readonly #ended = new Set<TestModule>();
  #files = 0;
  #latestMs = 0;
  #timer: NodeJS.Timeout | undefined;

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#files = specifications.length;
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
    this.#timer.unref();
  }

  onTestModuleStart(module: TestModule): void {
    this.#startedMs.set(module.relativeModuleId, performance.now());
  }

  onTestCaseReady(test: TestCase): void {
    this.#tests.set(test.module.relativeModuleId, test.name);
  }

  onTestModuleEnd(module: TestModule): void {
    this.#ended.add(module);
    this.#latestMs = performance.now();
    this.#startedMs.delete(module.relativeModuleId);
    this.#tests.delete(module.relativeModuleId);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const [file, startedMs] of this.#startedMs) {
      const tookMs = performance.now() - startedMs;
      if (tookMs < slowMs) continue;
      process.stdout.write(
        `  still runs after ${Math.round(tookMs / 1_000)} s: ${file} > ${this.#tests.get(file) ?? "(loads)"}\n`,
      );
      if (tookMs > hungMs) end(file);
    }
    if (this.#ended.size < this.#files || performance.now() - this.#latestMs < afterAllMs) return;
    process.stdout.write(
      `all files have ended, and the run has not; what it runs:\n${descendants().join("\n")}\n`,
    );
    new SkipSummary().onTestRunEnd([...this.#ended]);
    process.exit([...this.#ended].every((module) => module.ok()) ? 0 : 1);
  }
}

function end(file: string): never {
  process.stdout.write(`${file} hangs; what it runs:\n${descendants().join("\n")}\n`);
  process.exit(1);
}

/** This process's, as `ps` shows them. */
function descendants(): string[] {
  try {
    const columns = "pid,ppid,stat,etimes,times,wchan:20,args";
    const [head = "", ...lines] = execFileSync("ps", ["-e", "-o", columns], { encoding: "utf8" }).split("\n");
    const ours = new Set([String(process.pid)]);
    const found = lines.filter((line) => {
      const [pid = "", parent = ""] = line.trim().split(/\s+/);
      if (ours.has(parent)) ours.add(pid);
      return ours.has(parent);
    });
    return [head, ...found].map((line) => line.slice(0, 200));
  } catch {
    return ["(no ps here)"];
  }
}
