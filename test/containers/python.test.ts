import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeHome, musketeers, root, script, startUp } from "../support/program.ts";
import { loadBases, runtimeImage } from "./base.ts";
import { runWith, startEngine, whyNoEngine } from "./engine.ts";
import { docker } from "./rig.ts";

/* The example in Python, with an engine that reaches Debian's packages while it builds, and the worker's as well. */

test("Python parses tables and computes with NumPy", async (context) => {
  const why = whyNoEngine();
  if (why !== undefined) context.skip(why);
  const directory = await mkdtemp(join(tmpdir(), "musketeers-engine-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  const engine = await startEngine(directory, "host");
  onTestFinished(() => engine.stop());
  await loadBases(engine);
  const build = ["build", "--network=host", "--build-arg", `BASE_IMAGE=${runtimeImage}`, "--tag=python"];
  await runWith(engine, "docker", [...build, "examples/containers"], { cwd: root, timeoutMs: 600_000 });
  const image = await docker(engine, ["image", "inspect", "--format", "{{.Id}}", "python"]);

  const home = await makeHome();
  const { line } = await startUp(home, ["--workers", "0"]);
  const join1 = ["join", line.joinInvite, "--accept", "--json", "--slots", "1", "--allow-containers"];
  const worker = musketeers(join1, home, undefined, { DOCKER_HOST: engine.host });
  await worker.until(/"event":"joined"/);
  const { stdout, stderr, status } = await script(["examples/containers/main.ts", "--image", image], home)
    .ended;
  expect([status, stderr]).toEqual([0, ""]);
  const rows = stdout
    .trim()
    .split("\n")
    .map((row) => row.split("\t"));
  expect(rows.slice(0, 2)).toEqual([
    ["1101", "29.7"],
    ["1102", "26"],
  ]);
  expect(rows.slice(2).map(([size]) => size)).toEqual(["50", "100", "200", "400"]);
  for (const [, smallest, largest] of rows.slice(2)) {
    expect(Math.abs(Number(smallest) + 2)).toBeLessThan(0.4);
    expect(Math.abs(Number(largest) - 2)).toBeLessThan(0.4);
  }
  expect((await worker.stop()).status).toBe(0);
});
