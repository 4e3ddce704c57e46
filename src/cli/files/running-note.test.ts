import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startHub } from "../../hub/index.ts";
import { runProgram } from "../program.ts";
import { FakeTerminal } from "../testing/terminal.ts";
import { RunningNotes, readNotes } from "./running-note.ts";

async function home() {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-notes-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return { MUSKETEERS_HOME: directory };
}

async function health(env: Record<string, string>) {
  const terminal = new FakeTerminal();
  terminal.env = env;
  return { status: await runProgram(["health"], terminal), terminal };
}

test("what was said last is what is read, until it is removed", async () => {
  const env = await home();
  const notes = new RunningNotes(env);
  notes.say({ kind: "worker", trouble: "it waits" });
  notes.say({ kind: "worker" });
  await notes.remove();
  expect(await readNotes(env)).toEqual([]);
  notes.say({ kind: "worker", trouble: "again" });
  await expect.poll(() => readNotes(env)).toEqual([{ kind: "worker", trouble: "again" }]);
});

test("notes of processes that were killed, and other files, are left out", async () => {
  const env = await home();
  const directory = join(env.MUSKETEERS_HOME, "running");
  await mkdir(directory);
  // No system has so many processes.
  await writeFile(join(directory, "2147483646.json"), '{"kind":"hub"}');
  await writeFile(join(directory, "note.txt"), "");
  await writeFile(join(directory, `${process.pid}.json`), '{"ki');
  expect(await readdir(directory)).toHaveLength(3);
  expect(await readNotes(env)).toEqual([]);
});

test("health: a hub is asked, a worker's own word counts, and nothing is not well", async () => {
  const env = await home();
  const none = await health(env);
  expect([none.status, none.terminal.stderr]).toEqual([5, expect.stringContaining("NO_HUB")]);

  const hub = await startHub({ listen: "127.0.0.1:0" });
  onTestFinished(() => hub.close());
  const notes = new RunningNotes(env);
  notes.say({ kind: "hub", port: hub.port, tls: hub.tls });
  await expect.poll(() => readNotes(env)).toHaveLength(1);
  const well = await health(env);
  expect([well.status, well.terminal.stdout]).toEqual([0, "hub: well\n"]);
  await hub.close();
  const gone = await health(env);
  expect([gone.status, gone.terminal.stderr]).toEqual([5, expect.stringContaining("does not answer")]);

  notes.say({ kind: "worker" });
  await expect.poll(async () => (await health(env)).terminal.stdout).toBe("worker: well\n");
  notes.say({ kind: "worker", trouble: "no way there" });
  await expect.poll(async () => (await health(env)).terminal.stdout).toBe("worker: no way there\n");
  expect((await health(env)).status).toBe(5);
});

test("health: a hub with a key of its own is asked, too", async () => {
  const env = await home();
  const hub = await startHub({ listen: "127.0.0.1:0", tls: "own" });
  onTestFinished(() => hub.close());
  new RunningNotes(env).say({ kind: "hub", port: hub.port, tls: hub.tls });
  await expect.poll(async () => (await health(env)).status).toBe(0);
});
