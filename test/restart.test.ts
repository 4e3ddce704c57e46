import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeHome, musketeers, plainScript, type Running, root } from "./support/program.ts";

/* Whole processes that die: what was accepted survives, and nothing comes twice. */

const INPUTS = 1_200;

/** A submitter's own program, in plain JavaScript, against the built package. */
const submitter = `
import { connect, task } from "musketeers";
const nap = task(async (n) => {
  await new Promise((resolve) => setTimeout(resolve, 2));
  return n * 2;
});
const cluster = await connect();
const times = new Uint8Array(${INPUTS});
let wrong = 0;
let seen = 0;
for await (const result of cluster.map(nap, times.keys())) {
  if (!result.ok || result.value !== result.input * 2) wrong++;
  times[result.index]++;
  if (++seen % 100 === 0) console.log("seen", seen);
}
console.log("end", JSON.stringify({ seen, wrong, once: times.every((time) => time === 1) }));
await cluster.close();
`;

interface Started {
  readonly home: string;
  readonly listen: string;
  readonly joinInvite: string;
  hub: Running;
}

const startHub = (home: string, listen: string) =>
  musketeers(["up", "--json", "--workers", "0", "--listen", listen], home);

async function start(): Promise<Started> {
  const home = await makeHome();
  const hub = startHub(home, "127.0.0.1:0");
  const [line] = await hub.until(/^\{.*\}$/m);
  const { url, joinInvite } = JSON.parse(line) as { url: string; joinInvite: string };
  return { home, listen: new URL(url).host, joinInvite, hub };
}

async function submit({ home }: Started): Promise<Running> {
  const file = join(home, "submitter.mjs");
  await mkdir(join(home, "node_modules"));
  await symlink(root, join(home, "node_modules", "musketeers"), "junction");
  await writeFile(file, submitter);
  return plainScript([file], home);
}

const startWorker = ({ home, joinInvite }: Started, name: string) =>
  musketeers(["join", "--accept", joinInvite, "--slots", "1", "--name", name], home);

async function outcome(program: Running): Promise<unknown> {
  const [, json] = await program.until(/^end (.*)$/m);
  return JSON.parse(json!);
}

const everything = { seen: INPUTS, wrong: 0, once: true };

test("a map outlives its hub's kill -9, twice, and a worker's", async () => {
  const started = await start();
  const workers = [startWorker(started, "one"), startWorker(started, "two")];
  const program = await submit(started);
  for (const seen of [200, 600]) {
    await program.until(new RegExp(`^seen ${seen}$`, "m"));
    await started.hub.stop("SIGKILL");
    started.hub = startHub(started.home, started.listen);
  }
  await program.until(/^seen 900$/m);
  await workers[0]!.stop("SIGKILL");
  expect(await outcome(program)).toEqual(everything);
  await Promise.all([workers[1]!.stop(), started.hub.stop()]);
});

test("a worker that stops while it works leaves in order, and loses nothing", async () => {
  const started = await start();
  const leaving = startWorker(started, "leaving");
  const program = await submit(started);
  await program.until(/^seen 200$/m);
  const staying = startWorker(started, "staying");
  expect((await leaving.stop("SIGTERM")).status).toBe(0);
  expect(await outcome(program)).toEqual(everything);
  await Promise.all([staying.stop(), started.hub.stop()]);
});

test("a worker that is stopped beyond its lease and goes on does no harm", async () => {
  const started = await start();
  const sleeper = startWorker(started, "sleeper");
  const program = await submit(started);
  await program.until(/^seen 100$/m);
  const steady = startWorker(started, "steady");
  await program.until(/^seen 500$/m);
  sleeper.child.kill("SIGSTOP");
  expect(await outcome(program)).toEqual(everything);
  sleeper.child.kill("SIGCONT");
  await Promise.all([sleeper.stop(), steady.stop(), started.hub.stop()]);
});
