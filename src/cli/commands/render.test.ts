import { expect, test } from "vitest";
import type { JobDetails, JobSummary, WorkerSummary } from "../../protocol/index.ts";
import { renderEvent } from "../joining/join-reporter.ts";
import { pageLink } from "../render/page-link.ts";
import { styleFor } from "../render/style.ts";
import { renderUp } from "../up/up-report.ts";
import { renderCredit } from "./credit.ts";
import { renderJob } from "./job.ts";
import { renderJobs } from "./jobs.ts";
import { renderDatasets } from "./ls.ts";
import { splitTarget } from "./run.ts";
import { renderStatus } from "./status.ts";
import { renderWorkers } from "./workers.ts";

const plain = styleFor(false, {});
const NOW_MS = 1_000_000_000;

const job: JobSummary = {
  job: "01a",
  title: "getTable",
  state: "running",
  paused: false,
  priority: 0,
  attached: false,
  size: 4_000,
  sealed: false,
  done: 1_000,
  failed: 3,
  running: 8,
  retrying: 2,
  waiting: "",
  submittedAtMs: NOW_MS - 61_000,
  endedAtMs: null,
};

const details: JobDetails = {
  ...job,
  perWorker: { athos: 300, porthos: 700 },
  errors: [{ fingerprint: "RangeError: too \u001b[31mlarge", kind: "error", count: 3 }],
  reason: "",
};

const worker: WorkerSummary = {
  name: "athos",
  version: "1",
  platform: "linux",
  arch: "arm64",
  cores: 4,
  memoryBytes: 512 * 1024 ** 2,
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
  worker: "w1",
  connectedAtMs: NOW_MS - 5_000,
  busySlots: 3,
  inputsDone: 12_345,
  inputsFailed: 0,
  memoryUsedBytes: 0,
  load: 0,
  draining: false,
  running: ["getTable"],
};

test("a hub's state, with what an operator should know", () => {
  const status = {
    hub: "lab",
    version: "1.2.3",
    upSinceMs: NOW_MS - 3_600_000,
    workers: 0,
    slots: 0,
    busySlots: 0,
    jobsRunning: 1,
    jobsEnded: 2,
    inputsDone: 26_470,
    inputsPerSecond: 0,
    memoryBytes: 90 * 1024 ** 2,
    blobBytesSent: 0,
    warnings: ["the disk is full"],
  };
  expect(renderStatus(status, NOW_MS, plain)).toBe(
    [
      "hub      lab (musketeers 1.2.3), up 1 h",
      "workers  0 workers, 0 of 0 slots busy",
      "jobs     1 running, 2 ended",
      "inputs   26,470 done, 0/s now",
      "memory   90 MB",
      "warning  the disk is full",
      "No worker yet: `musketeers invite --role worker` gives the line that adds one.",
      "",
    ].join("\n"),
  );
});

test("workers, one a line", () => {
  expect(renderWorkers([worker, { ...worker, name: "b", draining: true }], NOW_MS, plain)).toBe(
    [
      "WORKER  MACHINE      MEMORY  SANDBOX  SLOTS    DONE  FAILED  HERE FOR  NOW",
      "athos   linux/arm64  512 MB  deno       3/4  12,345       0     5.0 s  getTable",
      "b       linux/arm64  512 MB  deno       3/4  12,345       0     5.0 s  leaving",
      "",
    ].join("\n"),
  );
});

test("jobs, the newest last, with what they wait for", () => {
  const waiting = { ...job, job: "02b", sealed: true, done: 0, waiting: "no worker", submittedAtMs: NOW_MS };
  const lines = renderJobs([waiting, job], NOW_MS, plain).split("\n");
  expect(lines[1]).toMatch(/^01a {2}getTable +1,000\/4,000\+ +25 % +3 +1 min 1 s {2}running$/);
  expect(lines[2]).toMatch(/^02b .* 0 ms {2}waiting: no worker$/);
});

test("one job in full; a stranger's words stay words", () => {
  const text = renderJob(details, NOW_MS, plain);
  expect(text).toContain("inputs    1,000 of 4,000 so far done (25 %)\n");
  expect(text).toContain("athos    300 ████████████▉\nporthos  700 ██████████████████████████████\n");
  expect(text).toContain("3 ×  RangeError: too �[31mlarge\n");
});

test("a shuffle, stage by stage", () => {
  const map = { kind: "map", size: 40, sealed: true, done: 30, failed: 0, running: 2, lost: 3 } as const;
  const reduce = { kind: "reduce", size: 8, sealed: true, done: 0, failed: 0, running: 0, lost: 0 } as const;
  const shuffle = { ...details, size: 8, sealed: true, done: 0, running: 0, stages: [map, reduce] };
  const text = renderJob(shuffle, NOW_MS, plain);
  expect(text).toContain("map       30 of 40 segments done (75 %), 2 running, 3 lost and made again\n");
  expect(text).toContain("reduce    0 of 8 partitions done (0 %)\n");
  expect(text).not.toContain("inputs ");
  expect(renderJobs([shuffle], NOW_MS, plain)).toMatch(/30\/48 +6[23](\.5)? % .*running: map 30\/40/);
  const reducing = { ...shuffle, stages: [{ ...map, done: 40 }, reduce] };
  expect(renderJobs([reducing], NOW_MS, plain)).toContain("running: reduce 0/8");
});

test("what a worker says", () => {
  const joined = { event: "joined", hub: "lab", name: "athos", slots: 1, memoryBytes: 2 ** 31 } as const;
  expect(renderEvent({ ...joined, sandbox: "deno", allowNet: ["a.org"] }, plain)).toContain(
    "Joined lab as athos: 1 slot, up to 2.0 GB.\nIts tasks run sandboxed by deno, with only a.org.\n",
  );
  expect(renderEvent({ ...joined, sandbox: "trusted", allowNet: [] }, plain)).toContain("without a sandbox");
  expect(renderEvent({ ...joined, sandbox: "deno", allowNet: [] }, plain)).not.toContain("port");
  expect(renderEvent({ ...joined, sandbox: "deno", allowNet: [], servePort: 7_078 }, plain)).toContain(
    "Its neighbours may fetch what it keeps of this hub: port 7078.",
  );
  const lost = {
    event: "disconnected",
    message: "No connection to http://a:7077: gone",
    retryInMs: 9,
  } as const;
  expect(renderEvent(lost, plain)).toBe(
    "Connection lost: No connection to http://a:7077: gone; trying again …\n",
  );
  expect(renderEvent({ ...lost, hint: "Is it on?" }, plain)).toBe(
    "Not reached yet: No connection to http://a:7077: gone.\nIs it on?\nTrying again until it answers; Ctrl-C gives up.\n",
  );
  expect(renderEvent({ event: "left", inputsDone: 2, inputsFailed: 1 }, plain)).toBe(
    "Left. 2 inputs done (1 of them failed). Thank you.\n",
  );
});

test("what up prints can be pasted", () => {
  const report = {
    url: "http://127.0.0.1:7077",
    joinInvite: "http://127.0.0.1:7077/join#w",
    submitInvite: "http://127.0.0.1:7077/join#s",
    viewInvite: "http://127.0.0.1:7077/join#v",
    joinCommand: "npx --yes http://127.0.0.1:7077/musketeers.tgz join 'http://127.0.0.1:7077/join#w'",
  };
  const lines = renderUp(report, "with 1 worker of its own", false, plain).split("\n");
  expect(lines).toContain(`  ${report.joinCommand}`);
  expect(lines).toContain(`  ${report.submitInvite}`);
  expect(lines).toContain("  http://127.0.0.1:7077/#v");
  expect(lines.join("\n")).toContain("--lan");
  expect(renderUp(report, "", true, plain)).not.toContain("--lan");
  expect(pageLink(report.viewInvite)).toBe("http://127.0.0.1:7077/#v");
});

test.each([
  ["stock.ts", "stock.ts", undefined],
  ["stock.ts#getTable", "stock.ts", "getTable"],
  ["a#b/stock.ts#getTable", "a#b/stock.ts", "getTable"],
  ["stock.ts#", "stock.ts", undefined],
])("%s names a file and an export", (target, file, exportName) => {
  expect(splitTarget(target)).toEqual({ file, exportName });
});

test("datasets, and who keeps them", () => {
  const books = {
    name: "books",
    cid: "bafybei",
    bytes: 2048,
    files: 3,
    createdAtMs: NOW_MS - 60_000,
    owner: "alice",
    replicas: 2,
    keptBy: ["athos", "porthos", "aramis", "d'Artagnan"].map((worker, at) => ({ worker, whole: at !== 1 })),
  };
  const lone = { ...books, name: "lone", replicas: 0, keptBy: [] };
  const lines = renderDatasets([books, lone], NOW_MS, plain).split("\n");
  expect(lines[1]).toContain("3 of 2");
  expect(lines[1]).toContain("athos, porthos…, aramis, and 1 more");
  expect(lines[2]).toMatch(/^lone .* 0 /);
  const torn = { ...books, lacks: { blocks: 3, sinceMs: NOW_MS - 7_200_000 } };
  expect(renderDatasets([torn, lone], NOW_MS, plain).split("\n")[3]).toMatch(
    /^books lacks 3 blocks for 2 h, .* musketeers rm books$/,
  );
  expect(renderDatasets([], NOW_MS, plain)).toContain("musketeers put");
});

test("the leader board: by place, by label where there is one, and nothing that moves the terminal", () => {
  const row = { project: "default", inputs: 12_345, lastAtMs: NOW_MS - 61_000 };
  const credit = [
    { ...row, person: "01k8", label: "ana\u001b[31m", seconds: 7_260 },
    { ...row, person: "01k9", label: "", seconds: 1.5 },
  ];
  const lines = renderCredit(credit, NOW_MS, plain).split("\n");
  expect(lines[1]).toMatch(/^1 +ana\S* +default +2 h 1 min +12,345 +1 min/);
  expect(lines[1]).not.toContain("\u001b");
  expect(lines[2]).toMatch(/^2 +01k9 /);
  expect(renderCredit([], NOW_MS, plain)).toMatch(/Nobody has been credited/);
});
