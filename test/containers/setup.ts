import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { root } from "../support/program.ts";
import { baseImage, loadBases, runtimeImage } from "./base.ts";
import { type EngineAddress, runWith, startEngine, whyNoEngine } from "./engine.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** An engine that has the image, or why there is none. */
    engine: EngineAddress | { readonly why: string };
  }
}

/** The image under test. */
export const image = "musketeers-test";

const BUILD_TIMEOUT_MS = 900_000;

/** Builds the image with an engine that reaches the network, as everybody does. */
async function buildImage(directory: string): Promise<void> {
  const engine = await startEngine(directory, "host");
  let keepImages = false;
  try {
    await loadBases(engine);
    const args = ["--build-arg", `BASE_IMAGE=${baseImage}`, "--build-arg", `RUNTIME_IMAGE=${runtimeImage}`];
    await runWith(
      engine,
      "docker",
      ["build", "--network", "host", ...args, "--file", "docker/Dockerfile", "--tag", image, "."],
      { cwd: root, timeoutMs: BUILD_TIMEOUT_MS },
    );
    keepImages = true;
  } finally {
    await engine.stop({ keepImages });
  }
}

/** Starts one engine for all tests of containers, in a directory of its own, and ends it behind them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const why = whyNoEngine();
  if (why !== undefined) {
    project.provide("engine", { why });
    return async () => {};
  }
  const directory = await mkdtemp(join(tmpdir(), "musketeers-engine-"));
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  try {
    await buildImage(directory);
    const engine = await startEngine(directory, "own");
    project.provide("engine", { host: engine.host, pid: engine.pid });
    return async () => {
      await engine.stop();
      await remove();
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
