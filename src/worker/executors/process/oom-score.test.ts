import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { expect, onTestFinished, test } from "vitest";
import { createDenoExecutor } from "../deno/executor.ts";
import { startTest } from "../executor.contract.ts";
import { createNodeExecutor } from "../node/executor.ts";
import type { Executor } from "../port.ts";
import { AGENT_OOM_SCORE, offerToEnd, SANDBOX_OOM_SCORE } from "./oom-score.ts";

const scoreOf = async (pid: number | "self"): Promise<number> =>
  Number(await readFile(`/proc/${pid}/oom_score_adj`, "utf8"));

const executors: Readonly<Record<string, () => Promise<Executor>>> = {
  deno: () => createDenoExecutor({ bubblewrap: false }),
  "deno in bubblewrap, where it is": () => createDenoExecutor(),
  node: () => createNodeExecutor(),
};

test.skipIf(process.platform !== "linux").for(Object.entries(executors))(
  "where memory is short a sandbox of %s is ended before its agent",
  { timeout: 60_000 },
  async ([, create]) => {
    const executor = await create();
    try {
      const { sandbox, call } = startTest(executor, "export const main = (n) => n + 1;");
      expect(await call(1)).toBe(2);
      expect(await scoreOf(sandbox.pid!)).toBe(SANDBOX_OOM_SCORE);
      expect(await scoreOf("self")).toBeLessThan(SANDBOX_OOM_SCORE);
    } finally {
      await executor.close();
    }
  },
);

test("an agent asks to be ended before others, and takes nothing back", async () => {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-oom-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const file = join(directory, "oom_score_adj");
  for (const [before, after] of [
    ["-100\n", AGENT_OOM_SCORE],
    ["0\n", AGENT_OOM_SCORE],
    ["900\n", 900],
  ] as const) {
    await writeFile(file, before);
    offerToEnd(file);
    expect(Number(await readFile(file, "utf8"))).toBe(after);
  }
  expect(() => offerToEnd(join(directory, "missing"))).not.toThrow();
});
