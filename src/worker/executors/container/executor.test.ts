import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  CONTAINER_ENTRY,
  defaultLimits,
  encodeContainer,
  type Limits,
  type TaskSpec,
} from "../../../protocol/index.ts";
import type { Executor } from "../port.ts";
import { ContainerExecutor } from "./executor.ts";

/* With a program in the place of the engine, which notes what it was told. The real ones are in test/containers. */

const others: Executor = {
  kind: "deno",
  engineClass: "v8-1",
  start: () => {
    throw new Error("not here");
  },
  close: async () => {},
};

const engine = `#!/bin/sh
printf '%s\\n' "$*" >>"$(dirname "$0")/told"
case "$1" in
  info) cat "$(dirname "$0")/info" ;;
  version) [ -e "$(dirname "$0")/mute" ] && exec sleep 600; echo linux/amd64 ;;
  image) [ -e "$(dirname "$0")/slow" ] && exit 1; echo linux/amd64 ;;
  pull) [ -e "$(dirname "$0")/slow" ] && exec sleep 600 ;;
  ps) cat "$(dirname "$0")/names" 2>/dev/null ;;
esac
`;

interface Pretence {
  /** Containers that are there. */
  readonly names?: readonly string[];
  /** What it says of itself. */
  readonly info?: string;
  /** What it takes for ever to do. */
  readonly hangs?: "mute" | "slow";
  readonly limits?: Partial<Limits>;
}

async function setUp({ names = [], info = "[name=seccomp] true true", hangs, limits = {} }: Pretence = {}) {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-engine-"));
  const { PATH } = process.env;
  onTestFinished(async () => {
    process.env.PATH = PATH;
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  });
  await writeFile(join(directory, "docker"), engine);
  await chmod(join(directory, "docker"), 0o755);
  // Whatever this machine has is out of the way.
  await writeFile(join(directory, "podman"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  await writeFile(join(directory, "info"), info);
  await writeFile(join(directory, "names"), names.map((name) => `${name}\n`).join(""));
  if (hangs !== undefined) await writeFile(join(directory, hangs), "");
  process.env.PATH = `${directory}:${PATH}`;
  const executor = await ContainerExecutor.open(others, { limits: { ...defaultLimits, ...limits } });
  onTestFinished(() => executor.close());
  const told = async () => (await readFile(join(directory, "told"), "utf8")).trim().split("\n");
  return { executor, told };
}

const image = (digit: string) => `lab/tables@sha256:${digit.repeat(64)}`;
const orderOf = (named: string, task: Partial<TaskSpec> = {}) => ({
  task: {
    bundle: "b",
    entry: CONTAINER_ENTRY,
    title: "tables",
    timeoutMs: 1000,
    memoryBytes: 1e8,
    net: [],
    image: image("a"),
    ...task,
  },
  code: encodeContainer({ image: named, command: [], mode: "lines" as const }),
});

test("code that names another image than was asked for does not run", async () => {
  const { executor, told } = await setUp();
  await executor.prepare(orderOf(image("a")));
  await expect(executor.prepare(orderOf(image("b")))).rejects.toMatchObject({ code: "UNTRUSTED_CODE" });
  await expect(executor.prepare(orderOf(image("a"), { net: ["*"] }))).rejects.toMatchObject({
    code: "GRANT_REFUSED",
  });
  expect((await told()).filter((line) => line.startsWith("image"))).toEqual([
    expect.stringContaining(image("a")),
  ]);
});

test("engineAnswerTimeoutMs: an engine that does not answer is none", async () => {
  await expect(setUp({ hangs: "mute", limits: { engineAnswerTimeoutMs: 50 } })).rejects.toMatchObject({
    code: "SANDBOX_UNAVAILABLE",
    message: expect.stringContaining("docker: it took longer than 50 ms"),
  });
});

test("imageFetchTimeoutMs: an image that does not come is not to be had", async () => {
  const { executor } = await setUp({ hangs: "slow", limits: { imageFetchTimeoutMs: 50 } });
  await expect(executor.prepare(orderOf(image("a")))).rejects.toMatchObject({
    code: "IMAGE_UNAVAILABLE",
    message: expect.stringContaining("longer than 50 ms"),
  });
});

test("an engine that cannot bound memory and processes is none", async () => {
  await expect(setUp({ info: "[name=seccomp name=rootless] false false" })).rejects.toMatchObject({
    code: "SANDBOX_UNAVAILABLE",
    message: expect.stringContaining("docker: it cannot bound memory and processes"),
  });
});

test("containers of agents that are gone are removed, and those of others left alone", async () => {
  const gone = await new Promise<number>((resolve) => {
    const child = spawn("true");
    child.once("exit", () => resolve(child.pid!));
  });
  const names = [
    `musketeers-${gone}-one`,
    `musketeers-${gone}-two-1`,
    `musketeers-${process.pid}-mine`,
    "web",
  ];
  const { told } = await setUp({ names });
  expect((await told()).filter((line) => line.startsWith("rm "))).toEqual([
    `rm --force --volumes musketeers-${gone}-one`,
    `rm --force --volumes musketeers-${gone}-two-1`,
  ]);
});
