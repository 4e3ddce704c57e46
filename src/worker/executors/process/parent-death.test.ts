import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { parentDeathPrefix } from "./parent-death.ts";

const protocol = new URL("../../../protocol/index.ts", import.meta.url).href;
const executors = new URL("../index.ts", import.meta.url).href;

/** An agent whose sandbox never comes back; says the process id of what runs in it. */
const agentCode = (create: string) => `
  const { encodeValue, packRecords } = await import(${JSON.stringify(protocol)});
  const executors = await import(${JSON.stringify(executors)});
  const executor = await executors.${create};
  const task = { bundle: "b", entry: "export:main", title: "t", timeoutMs: 600000, memoryBytes: 2 ** 28, net: [] };
  const code = new TextEncoder().encode("console.log('in'); export const main = () => { for (;;); }");
  const sandbox = executor.start({ task, code }, {
    onResults: () => {},
    onLog: () => console.log("running"),
    onDeath: (death) => console.log(death.message),
  });
  sandbox.run(packRecords([encodeValue(1)]), 1);
`;

const childrenOf = async (pid: number): Promise<number[]> => {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const direct = text.trim().split(" ").filter(Boolean).map(Number);
  return [...direct, ...(await Promise.all(direct.map(childrenOf))).flat()];
};

const linux = process.platform === "linux" && (await parentDeathPrefix()).length > 0;

describe.runIf(linux)("the agent's death", { timeout: 60_000 }, () => {
  it.each(["createDenoExecutor()", "createDenoExecutor({ bubblewrap: false })", "createNodeExecutor()"])(
    "ends an endless sandbox too: %s",
    async (create) => {
      const temporary = await mkdtemp(join(tmpdir(), "musketeers-test-"));
      const agent = spawn(
        process.execPath,
        ["--import", "tsx", "--input-type=module", "-e", agentCode(create)],
        {
          stdio: ["ignore", "pipe", "inherit"],
          // What is killed cannot tidy up.
          env: { ...process.env, TMPDIR: temporary },
        },
      );
      const [line] = (await once(createInterface(agent.stdout), "line")) as [string];
      expect(line).toBe("running");
      const children = await childrenOf(agent.pid!);
      expect(children.length).toBeGreaterThan(0);
      agent.kill("SIGKILL");
      await once(agent, "exit");
      await expect
        .poll(() => children.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 20_000 })
        .toEqual([]);
      await rm(temporary, { recursive: true, force: true, maxRetries: 10 });
    },
  );
});
