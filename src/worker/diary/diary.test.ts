import { appendFile, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fakeTask } from "../testing/fake-hub.ts";
import { Diary } from "./diary.ts";
import { DiaryFile } from "./diary-file.ts";
import type { DiaryEntry } from "./entry.ts";

function makeDiary(limits: { workerLogIntervalMs?: number; workerLogDenialsMax?: number } = {}) {
  const entries: DiaryEntry[] = [];
  let onWritten = () => {};
  const written = new Promise<void>((resolve) => {
    onWritten = resolve;
  });
  const diary = new Diary({
    hub: "http://hub:1",
    project: "weather",
    limits: { workerLogIntervalMs: 3_600_000, workerLogDenialsMax: 32, ...limits },
    nowMs: () => 7,
    submitterOf: () => "ana",
    write: async (more) => {
      entries.push(...more);
      onWritten();
    },
  });
  return { diary, entries, written };
}

const entry = (task: string): DiaryEntry => ({
  fromMs: 1,
  untilMs: 2,
  hub: "http://hub:1",
  project: "weather",
  submitter: "ana",
  task,
  bundle: "b",
  units: 1,
  inputs: 2,
  failed: 0,
  cpuMs: 3,
  bytesIn: 4,
  bytesOut: 5,
  endings: {},
  denied: [],
  deniedMore: 0,
});

async function makeFile(bytesMax = 1_000_000): Promise<DiaryFile> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-diary-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return new DiaryFile(join(directory, "home", "worker-log.jsonl"), bytesMax);
}

async function tasksOf(entries: AsyncIterable<DiaryEntry>): Promise<string[]> {
  const tasks: string[] = [];
  for await (const { task } of entries) tasks.push(task);
  return tasks;
}

test("what one task did is one entry, and another task's is another", async () => {
  const { diary, entries } = makeDiary();
  const other = { ...fakeTask, entry: "export:g", title: "g" };
  diary.began(fakeTask, "lease 1", 10);
  diary.began({ ...fakeTask }, "lease 1", 10);
  diary.began(fakeTask, "lease 2", 10);
  diary.ran(fakeTask, 3, 1, 20);
  diary.spent(fakeTask, 4.4);
  diary.ended(fakeTask, "crash: gone");
  diary.ended(fakeTask, "crash: gone");
  diary.began(other, "lease 3", 1);
  await diary.close();
  expect(entries).toHaveLength(2);
  expect(entries[0]).toEqual({
    ...entry("f"),
    fromMs: 7,
    untilMs: 7,
    bundle: fakeTask.bundle,
    units: 2,
    inputs: 3,
    failed: 1,
    cpuMs: 4,
    bytesIn: 30,
    bytesOut: 20,
    endings: { "crash: gone": 2 },
  });
  expect(entries[1]).toMatchObject({ task: "g", units: 1, inputs: 0 });
});

test("the runtime's word on a denial stands before the task's own", async () => {
  const { diary, entries } = makeDiary();
  const denial = { permission: "read", target: "/etc/passwd" };
  diary.denied(fakeTask, { ...denial, by: "task" });
  diary.denied(fakeTask, { ...denial, by: "sandbox" });
  diary.denied(fakeTask, { ...denial, by: "sandbox" });
  diary.denied(fakeTask, { permission: "run", target: "/bin/true", by: "task" });
  await diary.close();
  expect(entries[0]?.denied).toEqual([
    { ...denial, by: "sandbox", count: 2 },
    { permission: "run", target: "/bin/true", by: "task", count: 1 },
  ]);
});

test("workerLogDenialsMax: a flood of denials is counted and not kept", async () => {
  const { diary, entries } = makeDiary({ workerLogDenialsMax: 3 });
  for (let at = 0; at < 1000; at++) {
    diary.denied(fakeTask, { permission: "read", target: `/${at}`, by: "sandbox" });
    diary.ended(fakeTask, `why ${at}`);
  }
  await diary.close();
  expect(entries[0]?.denied.map(({ target }) => target)).toEqual(["/0", "/1", "/2"]);
  expect(entries[0]?.deniedMore).toBe(997);
  expect(Object.keys(entries[0]?.endings ?? {})).toHaveLength(9);
});

test("workerLogIntervalMs: an entry is written down without being asked for", async () => {
  const { diary, entries, written } = makeDiary({ workerLogIntervalMs: 1 });
  diary.began(fakeTask, "lease", 1);
  await written;
  expect(entries).toHaveLength(1);
  await diary.close();
});

test("entries are read again, also beside a line that was cut", async () => {
  const file = await makeFile();
  expect(await tasksOf(file.read())).toEqual([]);
  await file.append([entry("a"), entry("b")]);
  await appendFile(file.path, '{"fromMs":1,"unti\n');
  await file.append([entry("c")]);
  expect(await tasksOf(new DiaryFile(file.path, 1_000_000).read())).toEqual(["a", "b", "c"]);
  expect((await stat(file.path)).mode & 0o077).toBe(0);
});

test("workerLogBytesMax: the older half goes when both are full, and the newest is always there", async () => {
  const file = await makeFile(4_000);
  for (let at = 0; at < 100; at++) await file.append([entry(`t${at}`)]);
  const tasks = await tasksOf(file.read());
  expect(tasks.at(-1)).toBe("t99");
  expect(tasks.length).toBeGreaterThan(5);
  expect(tasks.length).toBeLessThan(25);
});

test("whoever follows gets what comes after what he read, also when the file begins anew", async () => {
  const file = await makeFile(4_000);
  await file.append([entry("a")]);
  expect(await tasksOf(file.read())).toEqual(["a"]);
  await file.append([entry("b")]);
  const stop = new AbortController();
  const followed: string[] = [];
  for await (const { task } of file.follow(stop.signal)) {
    followed.push(task);
    if (task === "b") for (let at = 0; at < 9; at++) await file.append([entry(`t${at}`)]);
    if (task === "t8") stop.abort();
  }
  expect(followed[0]).toBe("b");
  expect(followed.at(-1)).toBe("t8");
});
