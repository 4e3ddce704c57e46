import type { TestCase, TestModule } from "vitest/node";

/** Ends a run with what was skipped, and why, what passed only at its second attempt, and one line that counts everything. */
export default class SkipSummary {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const named: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const state = stateOf(test);
        counts[state]++;
        if (test.diagnostic()?.flaky === true) named.push(`  flaky: ${test.fullName}${firstErrorOf(test)}`);
        if (state === "skipped") named.push(`  skipped: ${test.fullName}${reasonOf(test)}`);
      }
      if (module.errors().length > 0) counts.failed++;
    }
    const lines = [...named, `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
}

function stateOf(test: TestCase): "passed" | "failed" | "skipped" {
  const { state } = test.result();
  return state === "pending" ? "skipped" : state;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return "note" in result && result.note !== undefined ? ` (${result.note})` : "";
}

function firstErrorOf(test: TestCase): string {
  const message = test.result().errors?.[0]?.message.split("\n", 1)[0];
  return message === undefined ? "" : ` (at first: ${message})`;
}
