import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../program.ts";
import { FakeTerminal } from "../testing/terminal.ts";

let folder: string;
let file: string;
let stuck: string;

const text = (count: number) => `
name: small <case>
durationMs: 10m
mustFinish: true
jobs: [{ name: j, count: 3, inputs: 20, workMs: [exponential, 1s] }]
populations: [{ name: p, count: ${count}, slots: 2 }]
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "musketeers-simulate-"));
  file = join(folder, "small.yaml");
  stuck = join(folder, "stuck.yaml");
  await writeFile(file, text(2));
  await writeFile(stuck, text(0));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));

async function run(...args: string[]): Promise<{ status: number; terminal: FakeTerminal }> {
  const terminal = new FakeTerminal();
  return { status: await runProgram(["simulate", ...args], terminal), terminal };
}

test("the same seed gives the same bytes, another seed others", async () => {
  const [first, again, other] = [
    await run(file, "--seed", "1", "--json"),
    await run(file, "--seed", "1", "--json"),
    await run(file, "--seed", "2", "--json"),
  ];
  expect(first.status).toBe(0);
  expect(JSON.parse(first.terminal.stdout)).toMatchObject({ inputsDone: 60, violations: [] });
  expect(again.terminal.stdout).toBe(first.terminal.stdout);
  expect(other.terminal.stdout).not.toBe(first.terminal.stdout);
});

test("without --json there is a summary, and the speed on standard error", async () => {
  const { status, terminal } = await run(file);
  expect(status).toBe(0);
  expect(terminal.stdout).toContain("60 of 60 done");
  expect(terminal.stderr).toContain("scheduler steps a second");
});

test("a job that does not end is a liveness violation with an exit status of its own", async () => {
  const { status, terminal } = await run(stuck, "--seed", "5");
  expect(status).toBe(22);
  expect(terminal.stderr).toMatch(/liveness: .*\n {2}small <case>, seed 5, version \d/);
});

test("the report is one page that needs nothing else", async () => {
  const path = join(folder, "out.html");
  expect((await run(file, "--report", path)).status).toBe(0);
  const page = await readFile(path, "utf8");
  expect(page).toContain("Where slot time went");
  expect(page).toContain("Makespans of 3 jobs");
  expect(page).toContain("<h1>small &lt;case&gt;</h1>");
  expect(page).not.toContain("small <case>");
  expect(page).not.toMatch(/\b(?:src|href)="|@import|url\(/);
});

test("a report that cannot be written is told", async () => {
  const { status, terminal } = await run(file, "--report", join(folder, "none", "out.html"));
  expect(status).toBe(6);
  expect(terminal.stderr).toContain("STORAGE");
});
