import stringWidth from "string-width";
import { expect, test } from "vitest";
import type { HubStatus, JobSummary, WorkerSummary } from "../../protocol/index.ts";
import { styleFor } from "./style.ts";
import { renderTop, type Snapshot, sparkline } from "./top-screen.ts";

const NOW_MS = 1_000_000_000;
const plain = styleFor(false, {});
const coloured = styleFor(true, { FORCE_COLOR: "1" });

const status: HubStatus = {
  hub: "lab",
  version: "1",
  upSinceMs: NOW_MS - 3_600_000,
  workers: 2,
  slots: 6,
  busySlots: 5,
  jobsRunning: 1,
  jobsEnded: 1,
  inputsDone: 4_000,
  inputsPerSecond: 123,
  memoryBytes: 2 ** 27,
  blobBytesSent: 0,
  warnings: [],
};

const worker = (name: string, inputsDone: number): WorkerSummary => ({
  name,
  version: "1",
  platform: "linux",
  arch: "arm64",
  cores: 4,
  memoryBytes: 2 ** 29,
  slots: 4,
  sandbox: "deno",
  engineClass: "v8",
  allowNet: [],
  labels: [],
  capabilities: [],
  speed: 1,
  person: "",
  trusted: false,
  projects: ["default"],
  worker: name,
  connectedAtMs: NOW_MS,
  busySlots: 3,
  inputsDone,
  inputsFailed: 0,
  memoryUsedBytes: 0,
  load: 0,
  draining: false,
  running: ["getTable"],
});

const job = (id: string, changes: Partial<JobSummary> = {}): JobSummary => ({
  job: id,
  title: "getTable",
  state: "running",
  paused: false,
  priority: 0,
  attached: false,
  size: 4_000,
  sealed: true,
  done: 1_000,
  failed: 3,
  running: 8,
  retrying: 0,
  waiting: "",
  submittedAtMs: NOW_MS - 60_000,
  endedAtMs: null,
  ...changes,
});

const snapshot: Snapshot = {
  status,
  workers: [worker("porthos", 1_000), worker("athos", 3_000)],
  jobs: [job("a", { state: "done", done: 4_000, submittedAtMs: NOW_MS - 10_000 }), job("b")],
};
const wide = { columns: 120, rows: 40 };

test("tells who works at what, the busiest and the running first", () => {
  const lines = renderTop(snapshot, [1, 2, 4], wide, NOW_MS, plain);
  expect(lines[0]).toBe("lab  up 1 h  2 workers  5 of 6 slots busy  4,000 done  123/s  128 MB");
  expect(lines[1]).toBe("▃▅█");
  const at = (text: string) => lines.findIndex((line) => line.startsWith(text));
  expect(at("athos")).toBeLessThan(at("porthos"));
  expect(lines[at("athos")]).toMatch(/██████·· 3\/4 +3,000 +75 % +getTable$/);
  expect(at("b ")).toBeLessThan(at("a "));
  expect(lines[at("b ")]).toMatch(/████············ +25 % +1,000\/4,000 +3 +3 min +running$/);
});

test("fits into any terminal, and says what it leaves out", () => {
  const workers = Array.from({ length: 1_000 }, (_, at) => worker(`宽 worker ${at}`, at));
  const jobs = Array.from({ length: 100 }, (_, at) => job(`job${at}`));
  const warnings = ["The disk is full ".repeat(20)];
  const full = { status: { ...status, warnings }, workers, jobs };
  const history = Array.from({ length: 500 }, (_, at) => at);
  for (const columns of [20, 80, 200]) {
    for (const rows of [8, 24, 60]) {
      const lines = renderTop(full, history, { columns, rows }, NOW_MS, coloured);
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    }
  }
  const text = renderTop(full, [], { columns: 80, rows: 24 }, NOW_MS, plain).join("\n");
  expect(text).toMatch(/… and 99\d more/);
  expect(text).toMatch(/… and 9\d more/);
});

test("says what to do where there is nothing, and obeys no control characters", () => {
  const empty = renderTop({ status, workers: [], jobs: [] }, [], wide, NOW_MS, plain).join("\n");
  expect(empty).toContain("musketeers invite --role worker");
  expect(empty).toContain("No job yet");
  const rude = { ...worker("\u001b[2Jx", 1), running: ["\u0007"] };
  expect(renderTop({ ...snapshot, workers: [rude] }, [], wide, NOW_MS, plain).join("\n")).not.toMatch(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    /[\u0007\u001b]/,
  );
});

test("draws the last values, the highest at the top", () => {
  expect(sparkline([], 5)).toBe("");
  expect(sparkline([0, 0], 5)).toBe("▁▁");
  expect(sparkline([9, 0, 7, 3.5], 3)).toBe("▁█▅");
});
