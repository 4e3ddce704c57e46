import { inject, onTestFinished, type TestContext } from "vitest";
import { environmentOf, program, Running, root } from "../support/program.ts";
import { type EngineAddress, insideOf, type RunOptions, runWith } from "./engine.ts";

/** The image under test. */
export { image } from "./setup.ts";

/** The engine of this run; skips the test that asks where there is none. */
export function engineOf(context: TestContext): EngineAddress {
  const engine = inject("engine");
  if ("why" in engine) return context.skip(engine.why);
  return engine;
}

/** What `docker` prints. */
export async function docker(
  engine: EngineAddress,
  args: readonly string[],
  options?: RunOptions,
): Promise<string> {
  return (await runWith(engine, "docker", args, options)).stdout.trim();
}

/** Starts a container that is removed at the end of the test; gives its id. */
export async function startContainer(engine: EngineAddress, args: readonly string[]): Promise<string> {
  const id = await docker(engine, ["run", "--detach", ...args]);
  onTestFinished(async () => {
    await docker(engine, ["rm", "--force", "--volumes", id]);
  });
  return id;
}

/** Starts a Node.js program beside the containers: in the network where the ports that they publish are. */
export function nodeInside(
  engine: EngineAddress,
  args: readonly string[],
  home: string,
  { env = {}, input = "" }: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Running {
  const [command, ...inside] = [...insideOf(engine), process.execPath, ...args];
  const running = new Running(command!, inside, { ...environmentOf(home), ...env }, input);
  onTestFinished(async () => {
    if (running.child.exitCode === null && running.child.signalCode === null) await running.stop();
  });
  return running;
}

/** `musketeers` there; what it prints, once it has ended well. */
export async function musketeersInside(
  engine: EngineAddress,
  args: readonly string[],
  home: string,
  options: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<string> {
  const { status, stdout, stderr } = await nodeInside(engine, [program, ...args], home, options).ended;
  if (status !== 0) throw new Error(`musketeers ${args[0]} ended with ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

/** `docker-compose` with the project's own file, and what tests add to it. */
export function composeWith(engine: EngineAddress, env: NodeJS.ProcessEnv) {
  const files = ["--file", "docker/compose.yaml", "--file", "test/containers/compose.test.yaml"];
  return async (args: readonly string[]): Promise<string> => {
    const options = { cwd: root, env, timeoutMs: 240_000 };
    const ran = await runWith(
      engine,
      "docker-compose",
      ["--project-name", "micro", "--no-ansi", ...files, ...args],
      options,
    );
    return ran.stdout.trim();
  };
}
