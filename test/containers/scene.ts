import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { makeHome, musketeers, startUp } from "../support/program.ts";

/* A hub, a worker that runs containers, and tasks that are such; whichever engine the worker uses. */

export interface Scene {
  readonly home: string;
  readonly image: string;
  /** The worker's process. */
  readonly pid: number;
  /** Ends the worker, with the containers that it keeps warm. */
  leave(): Promise<void>;
  run(definition: string, inputs: readonly unknown[]): Promise<readonly Answer[]>;
}

export interface Answer {
  readonly input: unknown;
  readonly value?: unknown;
  readonly error?: { readonly kind: string; readonly name: string; readonly message: string };
}

interface Setting {
  readonly image: string;
  /** What its worker needs to reach its engine. */
  readonly env: NodeJS.ProcessEnv;
  /** What follows `join`; any image is allowed where nothing is said. */
  readonly allow?: readonly string[];
}

/** Starts a hub and a worker with one slot. */
export async function startScene({ image, env, allow = [] }: Setting): Promise<Scene> {
  const home = await makeHome();
  const { line } = await startUp(home, ["--workers", "0"]);
  const args = [
    "join",
    line.joinInvite,
    "--accept",
    "--json",
    "--slots",
    "1",
    "--allow-containers",
    ...allow,
  ];
  const worker = musketeers(args, home, undefined, env);
  await worker.until(/"event":"joined"/);
  const run: Scene["run"] = async (definition, inputs) => {
    const file = join(home, "task.ts");
    await writeFile(
      file,
      `import { task } from "musketeers";\nexport const it = task.container({ image: ${JSON.stringify(image)}, ${definition} });\n`,
    );
    const text = inputs.map((input) => `${JSON.stringify(input)}\n`).join("");
    const ran = musketeers(["run", file, "--ordered"], home, text);
    const { stdout, stderr, status } = await ran.ended;
    expect([0, 1], stderr).toContain(status);
    return stdout
      .trim()
      .split("\n")
      .map((answer) => JSON.parse(answer) as Answer);
  };
  const leave = async () => {
    expect((await worker.stop()).status).toBe(0);
  };
  return { home, image, pid: worker.child.pid!, run, leave };
}

export const perl = (program: string): string =>
  `command: ${JSON.stringify(["perl", "-ne", `BEGIN { $| = 1 } chomp; ${program}`])}`;
export const shell = (program: string): string => `command: ${JSON.stringify(["sh", "-c", program])}`;
export const messages = (answers: readonly Answer[]): readonly string[] =>
  answers.map(({ error }) => error?.message ?? "");
