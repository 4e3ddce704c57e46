import { readdir, readFile } from "node:fs/promises";
import process from "node:process";
import { expect, test } from "vitest";
import { createDenoExecutor } from "../deno/executor.ts";
import { startTest } from "../executor.contract.ts";
import { createNodeExecutor } from "../node/executor.ts";
import type { Executor } from "../port.ts";
import type { Priority } from "./priority.ts";

/** Which field of `/proc/PID/stat` behind the name is the niceness. */
const NICENESS = 16;

/** Of each of a process's threads. */
async function nicenessOf(pid: number): Promise<Set<number>> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => undefined)),
  );
  const fields = stats.flatMap((stat) =>
    stat === undefined ? [] : [stat.replace(/^.*\) /s, "").split(" ")],
  );
  return new Set(fields.map((field) => Number(field[NICENESS])));
}

const executors: Readonly<Record<string, (priority: Priority) => Promise<Executor>>> = {
  deno: (priority) => createDenoExecutor({ priority, bubblewrap: false }),
  "deno in bubblewrap, where it is": (priority) => createDenoExecutor({ priority }),
  node: (priority) => createNodeExecutor({ priority }),
};

test.skipIf(process.platform !== "linux").for(Object.entries(executors))(
  "every thread of a sandbox of %s runs behind everything else, if that is wanted",
  { timeout: 60_000 },
  async ([, create]) => {
    const own = [...(await nicenessOf(process.pid))];
    for (const [priority, wanted] of [
      ["lowest", [19]],
      ["normal", own],
    ] as const) {
      const executor = await create(priority);
      try {
        const { sandbox, call } = startTest(executor, "export const main = (n) => n + 1;");
        expect(await call(1)).toBe(2);
        expect([...(await nicenessOf(sandbox.pid!))]).toEqual(wanted);
      } finally {
        await executor.close();
      }
    }
  },
);
