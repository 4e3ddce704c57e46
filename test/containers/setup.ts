import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { root } from "../support/program.ts";
import { baseImage, loadBases, runtimeImage } from "./base.ts";
import { type Engine, type EngineAddress, runWith, startEngine, whyNoEngine } from "./engine.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** An engine that has the image, or why there is none. */
    engine: EngineAddress | { readonly why: string };
  }
}

/** The image under test. */
export const image = "musketeers-test";

const BUILD_TIMEOUT_MS = 900_000;

/** What is not the image's fault: registries and archives that are out of reach. */
class Unprepared extends Error {}

/** Builds the image with an engine that reaches the network, as everybody does. */
async function buildImage(directory: string): Promise<void> {
  const engine = await startEngine(directory, "host").catch((error: Error) => {
    throw new Unprepared(`no engine: ${error.message}`);
  });
  let keepImages = false;
  try {
    await loadBases(engine).catch((error: Error) => {
      throw new Unprepared(`no image to build on: ${error.message}`);
    });
    const args = ["--build-arg", `BASE_IMAGE=${baseImage}`, "--build-arg", `RUNTIME_IMAGE=${runtimeImage}`];
    const build = ["build", "--network", "host", ...args, "--file", "docker/Dockerfile", "--tag", image, "."];
    await runWith(engine, "docker", build, { cwd: root, timeoutMs: BUILD_TIMEOUT_MS });
    keepImages = true;
  } finally {
    await engine.stop({ keepImages });
  }
}

/** An engine in which containers have a network; nobody has to be able to give them one. */
async function startOwn(directory: string): Promise<Engine> {
  let engine: Engine | undefined;
  try {
    engine = await startEngine(directory, "own");
    await runWith(engine, "docker", ["run", "--rm", runtimeImage, "true"]);
    return engine;
  } catch (error) {
    await engine?.stop();
    throw new Unprepared(`no containers with a network: ${(error as Error).message}`);
  }
}

/** Starts one engine for all tests of containers, in a directory of its own, and ends it behind them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const skip = (why: string) => {
    project.provide("engine", { why: why.slice(0, 500) });
    return async () => {};
  };
  const why = whyNoEngine();
  if (why !== undefined) return skip(why);
  const directory = await mkdtemp(join(tmpdir(), "musketeers-engine-"));
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  try {
    await buildImage(directory);
    const engine = await startOwn(directory);
    project.provide("engine", { host: engine.host, pid: engine.pid });
    return async () => {
      await engine.stop();
      await remove();
    };
  } catch (error) {
    await remove();
    if (error instanceof Unprepared) return skip(error.message);
    throw error;
  }
}
