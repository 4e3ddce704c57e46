import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { type Engine, embeddedEngine, memoryEngine, type Registry } from "../../engine/index.ts";
import {
  defaultLimits,
  type FailureMark,
  type Limits,
  type Range,
  RecordWriter,
} from "../../protocol/index.ts";
import {
  createScheduler,
  finishRecovery,
  jobSnapshot,
  jobView,
  recoverRecord,
  type Scheduler,
  step,
  validate,
} from "../../scheduler/index.ts";
import type { Clock } from "../clock.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import { Jobs } from "../jobs/jobs.ts";
import { jobSpec } from "../testing/peer.ts";
import { Blocks } from "./blocks.ts";
import { firstLivePosition, worthMovingUntil } from "./compactor.ts";
import { Ledger } from "./ledger.ts";
import type { JobRecord } from "./ledger-record.ts";
import { enterRecord, readJournal, schedulerRecord } from "./recovery.ts";
import { Retention } from "./retention.ts";

const spec = jobSpec();
const limits: Limits = { ...defaultLimits, checkpointRecordsMin: Number.POSITIVE_INFINITY };

const still: Clock = { nowMs: () => 0, wallMs: () => 0 };

function packed(texts: readonly string[]): Uint8Array {
  const writer = new RecordWriter();
  for (const text of texts) writer.push(new TextEncoder().encode(text));
  return writer.take();
}

/** A catalogue, a scheduler and a journal, that go on as those of a hub do: the scheduler is told at once. */
class Store {
  readonly engine: Engine;
  readonly jobs: Jobs;
  readonly scheduler: Scheduler;
  readonly ledger: Ledger;
  readonly retention: Retention;
  /** As if the process died before a checkpoint was whole. */
  dies = false;

  private constructor(engine: Engine, jobs: Jobs, scheduler: Scheduler, limits: Limits, clock: Clock) {
    this.engine = engine;
    this.jobs = jobs;
    this.scheduler = scheduler;
    this.ledger = new Ledger(engine.journal, Number.POSITIVE_INFINITY, (error) => {
      throw error;
    });
    const { ledger } = this;
    const { registry } = engine;
    const mortal: Registry = {
      get: (key) => registry.get(key),
      put: (...args) => (this.dies ? Promise.reject(new Error("died")) : registry.put(...args)),
      delete: (key) => registry.delete(key),
      list: (prefix) => registry.list(prefix),
    };
    this.retention = new Retention({
      engine: { ...engine, registry: mortal },
      limits,
      clock,
      jobs,
      datasets: { list: () => [] },
      scheduler,
      ledger,
      recordsRead: 0,
      leftovers: [],
    });
  }

  static async open(engine: Engine, mine = limits, clock: Clock = still): Promise<Store> {
    const scheduler = createScheduler(limits);
    const { jobs } = await readJournal(engine, limits, (record) => recoverRecord(scheduler, record));
    return new Store(engine, jobs, scheduler, mine, clock);
  }

  append(record: JobRecord, body?: Uint8Array): void {
    const told = schedulerRecord(record, body?.length ?? 0);
    if (told !== undefined) recoverRecord(this.scheduler, told);
    if (record.type === "submitted") this.jobs.add(record.spec, record.atMs);
    this.ledger.append(record, body, (position, bytes) => {
      if (record.type !== "submitted") enterRecord(this.jobs, record, position, bytes, limits);
    });
  }
}

/** What can be asked of a store, however it came about. */
async function contentsOf(store: Store): Promise<unknown> {
  const blocks = new Blocks(store.engine.journal, 0);
  const jobs = await Promise.all(
    [...store.jobs].map(async (entry: JobEntry) => {
      const { paused, priority } = entry;
      const { spec, state, reason, size, storedSize, sealed, done, failed, perWorker, errors } = entry;
      const records: unknown[] = [];
      for (let row = 0; row < entry.results.records.rows; row++) {
        const { record, body } = await blocks.results(entry.results.records.at(row, 0));
        records.push([record, Buffer.from(body).toString("latin1")]);
      }
      const inputs =
        size === 0 ? "" : Buffer.from(await blocks.inputs(entry, [[0, size]])).toString("latin1");
      const states = [...entry.saved.entries()].map(([input, { bytes }]) => `${input} ${bytes}`).sort();
      const spans = Array.from({ length: entry.results.spans.rows }, (_, row) => entry.results.span(row));
      const snapshot = jobSnapshot(store.scheduler, spec.job);
      const { bytes, carveMark } = snapshot ?? {};
      const tried = [...(snapshot?.retries(1) ?? [])]
        .map(({ failures, strikes, ranges }) => `${failures} ${strikes} ${ranges}`)
        .sort();
      const known = { spec, state, reason, size, storedSize, sealed, done, failed, perWorker, errors };
      const view = jobView(store.scheduler, spec.job);
      return { ...known, paused, priority, records, inputs, states, spans, bytes, carveMark, tried, view };
    }),
  );
  step(finishRecovery(store.scheduler, 0), { type: "Tick", nowMs: 0 });
  validate(store.scheduler);
  return jobs;
}

type Deed =
  | {
      readonly type: "submit" | "seal" | "end" | "checkpoint" | "compact" | "die" | "restart" | "settle";
      readonly at: number;
    }
  | {
      readonly type: "inputs" | "results" | "retry" | "save" | "fail" | "carve" | "adjust";
      readonly at: number;
      readonly count: number;
    };

const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ type: fc.constant("submit" as const), at: fc.nat(3) }),
  fc.record({
    type: fc.constantFrom("seal", "end", "checkpoint", "compact", "die", "restart", "settle" as const),
    at: fc.nat(3),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "inputs",
        "results",
        "results",
        "retry",
        "save",
        "fail",
        "carve",
        "adjust" as const,
      ),
      at: fc.nat(3),
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
);

/** Makes histories that a hub could write, and keeps in mind what each job may still get. */
class Author {
  #jobs: { job: string; size: number; sealed: boolean; open: Range[] }[] = [];
  #number = 0;

  write(store: Store, { type, at, count }: { type: string; at: number; count: number }): void {
    if (type === "submit") {
      const job = `job${this.#number++}`;
      this.#jobs.push({ job, size: 0, sealed: false, open: [] });
      store.append({
        type: "submitted",
        spec: { ...spec, job, options: { ...spec.options, retries: 9 } },
        atMs: 0,
      });
      return;
    }
    const mine = this.#jobs[at % Math.max(1, this.#jobs.length)];
    if (mine === undefined) return;
    const { job } = mine;
    if (type === "inputs" && !mine.sealed) {
      const texts = Array.from({ length: count }, (_, n) => `input ${mine.size + n}`);
      store.append({ type: "inputs", job, from: mine.size, count }, packed(texts));
      mine.open.push([mine.size, mine.size + count]);
      mine.size += count;
    } else if (type === "seal" && !mine.sealed) {
      mine.sealed = true;
      store.append({ type: "sealed", job });
    } else if (type === "end") {
      this.#jobs = this.#jobs.filter((other) => other !== mine);
      store.append({ type: "ended", job, state: "cancelled", reason: "so", atMs: 5 });
    } else if (type === "adjust") {
      store.append({ type: "adjusted", job, paused: count % 2 === 0, priority: count - 5 });
    } else if (type === "carve") {
      store.append({ type: "carve", job, mark: Math.min(mine.size, count * 4) });
    } else if (mine.open.length > 0) {
      this.#finish(store, mine, type, count);
    }
  }

  #finish(store: Store, mine: { job: string; open: Range[] }, type: string, count: number): void {
    const { job } = mine;
    const [start, end] = mine.open[count % mine.open.length]!;
    if (type === "save") {
      store.append({ type: "saved", job, input: start }, packed([`state ${count}`]));
      return;
    }
    if (type === "retry") {
      const retries = [{ failures: count % 3, strikes: 1, ranges: [[start, start + 1]] as Range[] }];
      store.append({ type: "results", job, worker: "", ranges: [], failures: [], retries });
      return;
    }
    const ranges: Range[] = [[start, Math.min(end, start + count)]];
    const to = ranges[0]![1];
    mine.open = mine.open.flatMap((range) =>
      range[0] === start ? (to < end ? [[to, end] as Range] : []) : [range],
    );
    if (type === "fail") {
      store.append({ type: "failed", job, ranges, kind: "cancelled", reason: "why" });
      return;
    }
    const failures: FailureMark[] =
      count % 2 === 0 ? [] : [{ at: 0, kind: "error", fingerprint: `E${count}` }];
    const texts = Array.from({ length: to - start }, (_, n) => `result ${start + n}`);
    store.append({ type: "results", job, worker: `w${count}`, ranges, failures, retries: [] }, packed(texts));
  }
}

test("whatever was checkpointed, compacted and restarted in between, the same is known", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 10, maxLength: 60 }), async (deeds) => {
      let store = await Store.open(memoryEngine());
      const plain = await Store.open(memoryEngine());
      const authors = [new Author(), new Author()] as const;
      const background: Promise<void>[] = [];
      for (const { at, type, ...rest } of deeds) {
        if (type === "settle") await store.ledger.settled();
        else if (type === "checkpoint" || type === "compact") {
          // One at a time, but beside what else happens.
          const before = background.at(-1);
          const { retention } = store;
          background.push(Promise.resolve(before).then(() => retention[type]()));
        } else if (type === "restart" || type === "die") {
          await Promise.all(background.splice(0));
          store.dies = type === "die";
          if (store.dies) await expect(store.retention.compact()).rejects.toThrow("died");
          await store.ledger.settled();
          store = await Store.open(store.engine);
        } else {
          const count = "count" in rest ? rest.count : 1;
          authors[0].write(store, { type, at, count });
          authors[1].write(plain, { type, at, count });
        }
      }
      await Promise.all(background);
      await Promise.all([store.ledger.settled(), plain.ledger.settled()]);
      const expected = await contentsOf(await Store.open(plain.engine));
      expect(await contentsOf(await Store.open(store.engine))).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});

test("a month of jobs beside one that goes on does not make the journal grow for ever", async () => {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const open = () => embeddedEngine(directory, { limits: { segmentBytesTarget: 16 * 1024 } });
  let engine: Engine = await open();
  let store = await Store.open(engine);
  const long = { ...spec, job: "long" };
  const noise = "x".repeat(2_000);
  store.append({ type: "submitted", spec: long, atMs: 0 });
  store.append({ type: "inputs", job: "long", from: 0, count: 3 }, packed(["a", "b", "c"]));
  let largest = 0;
  for (let day = 0; day < 30; day++) {
    for (let n = 0; n < 20; n++) {
      const job = `${day}.${n}`;
      store.append({ type: "submitted", spec: { ...spec, job }, atMs: 0 });
      store.append({ type: "inputs", job, from: 0, count: 1 }, packed([noise]));
      store.append({ type: "sealed", job });
      store.append({ type: "ended", job, state: "done", reason: "", atMs: 0 });
    }
    await store.ledger.settled();
    store.jobs.evictEndedBefore(1);
    await store.retention.compact();
    largest = Math.max(largest, engine.journal.stats().bytes);
    if (day % 10 !== 5) continue;
    await engine.close();
    engine = await open();
    store = await Store.open(engine);
  }
  // A day has 40 kB.
  expect(largest).toBeLessThan(150_000);
  const entry = store.jobs.require("long");
  const inputs = await new Blocks(engine.journal, 0).inputs(entry, [[0, 3]]);
  expect(Buffer.from(inputs)).toEqual(Buffer.from(packed(["a", "b", "c"])));
  expect([...store.jobs].map((each) => each.spec.job)).toEqual(["long"]);
  await engine.close();
});

test("checkpointRecordsMin: after so many records a checkpoint is written, and a start reads only what came after", async () => {
  const store = await Store.open(memoryEngine(), { ...limits, checkpointRecordsMin: 10 });
  store.retention.start();
  onTestFinished(() => store.retention.close());
  const read = async () => (await readJournal(store.engine, limits, () => {})).records;
  const author = new Author();
  author.write(store, { type: "submit", at: 0, count: 1 });
  for (let n = 0; n < 8; n++) author.write(store, { type: "inputs", at: 0, count: 1 });
  await store.ledger.settled();
  await store.retention.idle();
  expect(await read()).toBe(9);
  author.write(store, { type: "inputs", at: 0, count: 1 });
  await store.ledger.settled();
  await store.retention.idle();
  expect(await read()).toBe(0);
  author.write(store, { type: "inputs", at: 0, count: 1 });
  await store.ledger.settled();
  expect(await read()).toBe(1);
});

test("a wall clock that jumps ages nobody", async () => {
  let wallMs = 1_000_000;
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, wallMs: () => wallMs };
  const store = await Store.open(memoryEngine(), { ...limits, jobsKeptMs: 1_000, jobsEndedKept: 10 }, clock);
  const job = store.jobs.add(spec, wallMs);
  job.end("done", "", wallMs);
  store.jobs.ended();
  wallMs += 3_600_000_000;
  store.retention.evict();
  expect(store.jobs.size).toBe(1);
  nowMs += 1_001;
  store.retention.evict();
  expect(store.jobs.size).toBe(0);
});

test("what is worth copying is a beginning of which at most half is needed", () => {
  const MIB = 1024 * 1024;
  const jobs = new Jobs(limits);
  const entry = jobs.add(spec, 0);
  // 16 MiB at the very beginning, and 64 MiB from 200 MiB on.
  for (let n = 0; n < 16; n++) entry.inputBlocks.push(n, 1, n * MIB);
  for (let n = 0; n < 64; n++) entry.inputBlocks.push(16 + n, 1, (200 + n) * MIB);
  entry.storedBytes = 80 * MIB;
  expect(worthMovingUntil(jobs, 0, 264 * MIB)).toBe(264 * MIB);
  expect(worthMovingUntil(jobs, 0, 20 * MIB)).toBe(0);
  // Behind the copied beginning nothing is to be gained.
  expect(worthMovingUntil(jobs, 200 * MIB, 264 * MIB)).toBe(200 * MIB);
  expect(firstLivePosition(jobs)).toBe(0);
});
