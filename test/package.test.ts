import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, type TestContext, test } from "vitest";
import { environmentOf, makeHome, Running, root, startUp } from "./support/program.ts";

/* The package as a hub hands it out: installed by npm into an empty project, and used from there. */

const run = promisify(execFile);

const typed = `
import { connect, task } from "musketeers";
const shout = task(async (word: string): Promise<{ text: string; length: number }> => ({
  text: word.toUpperCase(),
  length: word.length,
}));
await using cluster = await connect();
const first: { text: string; length: number } = await cluster.run(shout, "one");
// @ts-expect-error the task takes text
void (() => cluster.run(shout, 1));
let total = first.length;
for await (const result of cluster.map(shout, ["two", "three"])) {
  if (result.ok) total += result.value.length;
}
console.log("total", total);
`;

const plain = `
import { connect, task } from "musketeers";
const shout = task((word) => word.toUpperCase());
const cluster = await connect();
console.log(await cluster.map(shout, ["one", "two"], { ordered: true }).values().toArray());
await cluster.close();
`;

/** As in the project that `npm init` makes: no `await` at the top, and the import becomes a `require`. */
const required = `
import { connect, task } from "musketeers";
const shout = task((word: string) => word.toUpperCase());
async function main(): Promise<void> {
  const cluster = await connect();
  console.log(typeof require, await cluster.map(shout, ["one", "two"], { ordered: true }).values().toArray());
  await cluster.close();
}
void main();
`;

const tsconfig = {
  compilerOptions: {
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    strict: true,
    outDir: "out",
    types: ["node"],
    typeRoots: [join(root, "node_modules", "@types")],
  },
  files: ["typed.ts"],
};

/** Makes an empty project with a package in it, without install scripts; skips where npm has no registry. */
async function projectWith(tarball: string, home: string, context: TestContext): Promise<string> {
  const project = join(home, "project");
  await mkdir(project);
  await writeFile(join(project, "package.json"), '{ "name": "mine", "private": true, "type": "module" }');
  try {
    // What the cache has need not be asked for, nor anything be looked up that a user would read.
    const quick = ["--prefer-offline", "--no-audit", "--no-fund"];
    const words = ["install", "--ignore-scripts", ...quick, tarball];
    await run("npm", words, { cwd: project, env: environmentOf(home) });
  } catch (error) {
    const { stderr } = error as { stderr: string };
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENOENT/.test(stderr))
      context.skip("npm cannot reach its registry here");
    throw error;
  }
  return project;
}

test("packed by npm and installed without install scripts, it is hub, worker and library", {
  timeout: 600_000,
}, async (context) => {
  const home = await makeHome();
  const env = environmentOf(home);
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", home], { cwd: root, env });
  const project = await projectWith(join(home, stdout.trim().split("\n").at(-1)!), home, context);
  await writeFile(join(project, "plain.mjs"), plain);
  const version = await run("npx", ["musketeers", "--version"], { cwd: project, env });
  expect(version.stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  // What npx runs, so that signals reach it.
  const start = (...args: string[]) => {
    const running = new Running(join(project, "node_modules", ".bin", "musketeers"), args, env);
    onTestFinished(() => void running.child.kill("SIGKILL"));
    return running;
  };
  const up = start("up", "--json", "--listen", "127.0.0.1:0", "--workers", "0");
  const [line] = await up.until(/^\{.*\}$/m);
  const worker = start("join", "--accept", JSON.parse(line).joinInvite, "--slots", "1");
  await worker.until(/Joined/);
  const program = await run(process.execPath, ["plain.mjs"], { cwd: project, env });
  expect(program.stdout).toContain("[ 'ONE', 'TWO' ]");
  expect((await worker.stop()).status).toBe(0);
  expect((await up.stop()).status).toBe(0);
});

test("installed from the hub without install scripts, it joins, and serves TypeScript, its output, JavaScript, and CommonJS", {
  timeout: 600_000,
}, async (context) => {
  const home = await makeHome();
  const { up, line } = await startUp(home, ["--workers", "0"]);
  const project = await projectWith(`${line.url}/musketeers.tgz`, home, context);
  const env = environmentOf(home);
  const options = { cwd: project, env };
  const bin = join(project, "node_modules", ".bin", "musketeers");
  const worker = new Running(bin, ["join", "--accept", line.joinInvite, "--slots", "1"], env);
  await worker.until(/Joined/);

  await writeFile(join(project, "plain.mjs"), plain);
  await writeFile(join(project, "typed.ts"), typed);
  await writeFile(join(project, "tsconfig.json"), JSON.stringify(tsconfig));
  const inJavaScript = await run(process.execPath, ["plain.mjs"], options);
  expect(inJavaScript.stdout).toContain("[ 'ONE', 'TWO' ]");
  const byTsx = await run(
    process.execPath,
    ["--import", join(root, "node_modules/tsx/dist/esm/index.mjs"), "typed.ts"],
    options,
  );
  expect(byTsx.stdout).toBe("total 11\n");
  await mkdir(join(project, "common"));
  await writeFile(join(project, "common", "package.json"), '{ "type": "commonjs" }');
  await writeFile(join(project, "common", "required.ts"), required);
  const byRequire = await run(
    process.execPath,
    ["--require", join(root, "node_modules/tsx/dist/cjs/index.cjs"), "common/required.ts"],
    options,
  );
  expect(byRequire.stdout).toContain("function [ 'ONE', 'TWO' ]");
  await run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "."], options);
  const compiled = await run(process.execPath, ["out/typed.js"], options);
  expect(compiled.stdout).toBe("total 11\n");

  expect((await worker.stop()).status).toBe(0);
  expect((await up.stop()).status).toBe(0);
});
