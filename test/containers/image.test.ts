import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeHome, program, type UpLine } from "../support/program.ts";
import { bridgeAddress, type EngineAddress, runWith } from "./engine.ts";
import { docker, engineOf, image, musketeersInside, nodeInside, startContainer } from "./rig.ts";

const MEGABYTE = 1_000_000;
/** What a careful volunteer says besides `docker run`. */
const careful = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
const quickHealth = ["--health-interval", "1s", "--health-start-period", "0s"];

const tasks = `
import { task } from "musketeers";
export const square = task((x: number) => x * x);
export const wait = task(async (ms: number) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ms;
});
export const hoard = task((megabytes: number) => {
  const kept: Uint8Array[] = [];
  for (let at = 0; at < megabytes; at++) kept.push(new Uint8Array(1024 * 1024).fill(1));
  return kept.length;
}, { memory: "900MB", retries: 0 });
`;

/** A hub beside the containers, at the address of theirs that leads out. */
async function startHub(engine: EngineAddress) {
  const home = await makeHome();
  const file = join(home, "tasks.ts");
  await writeFile(file, tasks);
  const args = ["up", "--json", "--workers", "0", "--insecure-http", "--listen", `${bridgeAddress}:0`];
  const up = nodeInside(engine, [program, ...args], home);
  const [text] = await up.until(/^\{.*\}$/m);
  const call = (command: readonly string[], input?: string) =>
    musketeersInside(engine, command, home, input === undefined ? {} : { input });
  const workers = async () => JSON.parse(await call(["workers", "--json"])) as Record<string, unknown>[];
  return { home, file, line: JSON.parse(text) as UpLine, call, workers };
}

const stateOf = async (engine: EngineAddress, id: string) =>
  JSON.parse(await docker(engine, ["inspect", "--format", "{{json .State}}", id])) as {
    ExitCode: number;
    Running: boolean;
    OOMKilled: boolean;
    Health?: { Status: string };
  };

test("the image is small, and its user has no rights", async (context) => {
  const engine = engineOf(context);
  const [found] = JSON.parse(await docker(engine, ["image", "inspect", image]));
  expect(found.Config.User).toBe("1000:1000");
  expect(found.Size).toBeGreaterThan(100 * MEGABYTE);
  expect(found.Size).toBeLessThan(350 * MEGABYTE);
  expect(await docker(engine, ["run", "--rm", ...careful, image, "--version"])).toMatch(/^\d+\.\d+\.\d+$/);
  const id = await docker(engine, ["run", "--rm", ...careful, "--entrypoint", "id", image, "--user"]);
  expect(id).toBe("1000");
});

test("docker run IMAGE join INVITE: it works within its bounds, says how it is, and leaves in good order", async (context) => {
  const engine = engineOf(context);
  const hub = await startHub(engine);
  const bounds = ["--cpus", "1", "--memory", "700m", "--memory-swap", "700m"];
  const run = [...careful, ...bounds, ...quickHealth, image, "join", hub.line.joinInvite];
  const worker = await startContainer(engine, run);
  await expect.poll(hub.workers).toHaveLength(1);
  expect(await hub.workers()).toMatchObject([
    { slots: 1, cores: 1, memoryBytes: 700 * 1024 * 1024, sandbox: "deno" },
  ]);
  await expect.poll(async () => (await stateOf(engine, worker)).Health?.Status).toBe("healthy");
  const answers = await hub.call(["run", `${hub.file}#square`, "--values"], "1\n2\n3\n");
  expect(answers).toBe("1\n4\n9\n");

  // One input runs when it is stopped. It is handed back in time: nothing has to be killed.
  const job = (await hub.call(["run", `${hub.file}#wait`, "--detach"], "600000\n")).trim();
  await expect.poll(async () => (await hub.workers())[0]?.busySlots).toBe(1);
  await docker(engine, ["stop", "--time", "60", worker]);
  expect(await stateOf(engine, worker)).toMatchObject({ ExitCode: 0, OOMKilled: false, Running: false });
  expect(await docker(engine, ["logs", worker])).toContain("Left. 3 inputs done");
  expect(await hub.workers()).toEqual([]);
  expect(JSON.parse(await hub.call(["job", job, "--json"]))).toMatchObject({ state: "running", failed: 0 });
});

test("where the engine allows user namespaces, tasks are in bubblewrap, too", async (context) => {
  const engine = engineOf(context);
  const hub = await startHub(engine);
  const allowed = ["--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined"];
  await startContainer(engine, [...careful, ...allowed, image, "join", hub.line.joinInvite]);
  await expect.poll(hub.workers).toMatchObject([{ sandbox: "deno+bubblewrap" }]);
  expect(await hub.call(["run", `${hub.file}#square`, "--values"], "3\n")).toBe("9\n");
});

test("a task that takes more memory than its container has dies alone", async (context) => {
  const engine = engineOf(context);
  const hub = await startHub(engine);
  const bounds = ["--memory", "500m", "--memory-swap", "500m"];
  const run = [
    ...careful,
    ...bounds,
    image,
    "join",
    hub.line.joinInvite,
    "--memory",
    "900MB",
    "--slots",
    "1",
  ];
  const worker = await startContainer(engine, run);
  await expect.poll(hub.workers).toHaveLength(1);
  const input = "800\n";
  const failing = nodeInside(engine, [program, "run", `${hub.file}#hoard`], hub.home, { input });
  const { status, stdout } = await failing.ended;
  expect([status, stdout]).toEqual([1, expect.stringMatching(/SANDBOX_CRASHED|INPUT_QUARANTINED/)]);
  expect(await stateOf(engine, worker)).toMatchObject({ Running: true });
  expect(await hub.call(["run", `${hub.file}#square`, "--values"], "5\n")).toBe("25\n");
});

test("docker run IMAGE up: a hub whose volume outlives it", async (context) => {
  const engine = engineOf(context);
  const volume = await docker(engine, ["volume", "create"]);
  onTestFinished(async () => {
    await docker(engine, ["volume", "rm", "--force", volume]);
  });
  const start = () =>
    startContainer(engine, [
      ...careful,
      ...quickHealth,
      ...["--volume", `${volume}:/data`, "--publish", "127.0.0.1:7177:7177"],
      ...[image, "up", "--json", "--listen", "0.0.0.0:7177", "--insecure-http"],
      ...["--advertise", "http://127.0.0.1:7177", "--slots", "1"],
    ]);
  const reportOf = async (id: string) => JSON.parse((await docker(engine, ["logs", id])) || "null") as UpLine;
  const home = await makeHome();
  const file = join(home, "tasks.ts");
  await writeFile(file, tasks);

  const first = await start();
  await expect.poll(async () => (await reportOf(first))?.url).toBe("http://127.0.0.1:7177");
  await expect.poll(async () => (await stateOf(engine, first)).Health?.Status).toBe("healthy");
  const env = { MUSKETEERS_HUB: (await reportOf(first)).submitInvite };
  const ran = await musketeersInside(engine, ["run", `${file}#square`, "--values"], home, {
    env,
    input: "7\n",
  });
  expect(ran).toBe("49\n");
  await docker(engine, ["stop", "--time", "60", first]);
  expect(await stateOf(engine, first)).toMatchObject({ ExitCode: 0 });
  await docker(engine, ["rm", first]);

  const second = await start();
  await expect.poll(async () => (await reportOf(second))?.url).toBe("http://127.0.0.1:7177");
  const jobs = JSON.parse(await musketeersInside(engine, ["jobs", "--json"], home, { env }));
  expect(jobs).toMatchObject([{ title: "square", state: "done" }]);
});

test("what goes wrong in a container is said, with a hint", async (context) => {
  const engine = engineOf(context);
  const run = async (...args: string[]) => {
    const id = await startContainer(engine, [...careful, "--network", "none", ...args]);
    const status = await docker(engine, ["wait", id]);
    const { stderr } = await runWith(engine, "docker", ["logs", id]);
    return { status, stderr };
  };
  expect(await run(image, "join", "http://hub/join#nothing")).toMatchObject({
    status: "4",
    stderr: expect.stringContaining("INVITE_MALFORMED"),
  });
  expect(await run(image, "join")).toMatchObject({
    status: "2",
    stderr: expect.stringContaining("no invite"),
  });
  expect(await run(image, "health")).toMatchObject({
    status: "5",
    stderr: expect.stringContaining("NO_HUB"),
  });
  // A directory of the host's that the container's user may not write to.
  const foreign = ["--volume", "/:/data:ro", image, "up", "--workers", "0"];
  expect(await run(...foreign)).toMatchObject({ status: "6", stderr: expect.stringContaining("hint:") });
});
