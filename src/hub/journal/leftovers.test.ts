import { expect, test } from "vitest";
import { buildFile, cidOf, parseCid } from "../../data/index.ts";
import { memoryEngine } from "../../engine/index.ts";
import { defaultLimits, encodeOutputs, encodeValue, type Limits, packRecords } from "../../protocol/index.ts";
import { createScheduler } from "../../scheduler/index.ts";
import { Jobs } from "../jobs/jobs.ts";
import { jobSpec } from "../testing/peer.ts";
import { IndexedBlock } from "./block.ts";
import { Ledger } from "./ledger.ts";
import { encodeLedgerRecord } from "./ledger-record.ts";
import { readJournal } from "./recovery.ts";
import { Retention } from "./retention.ts";

/* What the stages of a shuffle hand on goes when the shuffle has ended. */

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const spread = "in pieces";

/** A store, a shuffle in it that has mapped one segment to files of these texts, and what has become of them. */
async function shuffled(texts: readonly string[], limits: Limits = defaultLimits) {
  const now = { ms: 0 };
  const engine = memoryEngine({ nowMs: () => now.ms });
  const { blobs, journal } = engine;
  const sink = { put: (cid: string, bytes: Uint8Array) => blobs.put(bytes, { expect: cid }).then(() => {}) };
  const build = (text: string) =>
    buildFile([bytesOf(text)], sink, text.includes(spread) ? { chunkBytes: 3 } : {});
  const files = new Map<string, Awaited<ReturnType<typeof build>>>();
  for (const text of texts) files.set(text, await build(text));
  const jobs = new Jobs(limits);
  const map = async () => {
    const entry = jobs.add({ ...jobSpec(), shuffle: { partitions: texts.length } }, 0);
    const results = { worker: "pi", ranges: [[0, 1]], failures: [], retries: [] } as const;
    const outputs = [...files.values()].map(({ cid, bytes }) => ({ ...parseCid(cid), bytes }));
    const { job } = entry.map!.spec;
    const row = packRecords([encodeOutputs(outputs)]);
    const [position] = await journal.append([encodeLedgerRecord({ type: "results", job, ...results }, row)]);
    entry.map!.addResults(position!, "pi", results.ranges, [], limits);
    return entry;
  };
  const datasets: { cid: string }[] = [];
  const spent: string[] = [];
  const retention = new Retention({
    engine,
    limits,
    clock: { nowMs: () => now.ms, wallMs: () => now.ms },
    jobs,
    datasets: { list: () => datasets as never },
    scheduler: createScheduler(limits),
    ledger: new Ledger(journal, Number.POSITIVE_INFINITY, () => {}),
    recordsRead: 0,
    leftovers: [],
    onSpent: (cids) => spent.push(...cids),
  });
  const clear = async () => {
    now.ms += 2 * limits.outputsUnusedMs;
    await retention.clearShuffles();
    const left: string[] = [];
    for (const [text, { cid }] of files) if ((await blobs.stat(cid)) !== undefined) left.push(text);
    return left;
  };
  /** Ends a shuffle as the hub does. */
  const end = (entry: Awaited<ReturnType<typeof map>>, cids: string[] = []) => {
    const rows = entry.map!.results.records;
    entry.end("done", "", now.ms);
    retention.jobEnded({ rows, cids });
  };
  return { now, engine, jobs, files, datasets, spent, map, end, clear };
}

test("outputsUnusedMs: the outputs of an ended shuffle go with all of their blocks, and with its columns", async () => {
  const site = await shuffled(["small", `large, ${spread}`]);
  const { cid: column } = await site.engine.blobs.put(bytesOf("a column"));
  const { cid: other } = await site.engine.blobs.put(bytesOf("nobody's"));
  const entry = await site.map();
  expect(await site.clear()).toEqual([...site.files.keys()]);
  site.end(entry, [column]);
  expect(await site.clear()).toEqual([]);
  const left = [];
  for await (const { cid } of site.engine.blobs.list()) left.push(cid);
  // It was stored by somebody else, who has a day to say what for.
  expect(left).toEqual([other]);
  for (const { cid } of site.files.values()) expect(site.spent).toContain(cid);
  expect(site.spent).toContain(column);
  expect(site.spent.length).toBeGreaterThan(7);
});

test("outputs stay until some time after the end, and those that were used since then for good", async () => {
  const site = await shuffled(["one", "two"]);
  site.end(await site.map());
  site.now.ms -= defaultLimits.outputsUnusedMs + 1;
  expect(await site.clear()).toEqual(["one", "two"]);
  site.now.ms += defaultLimits.outputsUnusedMs;
  await site.engine.blobs.touch(site.files.get("two")!.cid);
  site.now.ms -= 1.5 * defaultLimits.outputsUnusedMs;
  expect(await site.clear()).toEqual(["two"]);
  expect(site.spent).toEqual([site.files.get("one")!.cid]);
});

test("what is the same as a dataset, a kept result, or an output of another shuffle stays with all of its blocks", async () => {
  const texts = ["in a dataset", `a result ${spread}`, `a chunk of it: ${spread}`, "nobody's"];
  const site = await shuffled(texts);
  const ended = await site.map();
  site.datasets.push({ cid: site.files.get(texts[0]!)!.cid });
  const kept = site.jobs.add(jobSpec(), 0);
  kept.inputBlocks.push(0, 1, -1);
  const value = encodeValue({ file: site.files.get(texts[1]!)!.cid });
  kept.unstored.set(0, new IndexedBlock(packRecords([value]), 1));
  // A worker may name whatever it likes as its output.
  site.datasets.push({ cid: site.files.get(texts[2]!)!.cid });
  site.end(ended);
  expect(await site.clear()).toEqual(texts.slice(0, 3));
  expect(site.spent).toEqual([site.files.get("nobody's")!.cid]);
  const block = cidOf(bytesOf(` ${spread}`.slice(-3)));
  expect((await site.engine.blobs.stat(block))?.cid).toBe(block);

  const again = await shuffled(["of both", spread]);
  const [first, second] = [await again.map(), await again.map()];
  again.end(first);
  expect(await again.clear()).toEqual(["of both", spread]);
  again.end(second);
  expect(await again.clear()).toEqual([]);
});

test("rows that the journal has dropped meanwhile are left to the sweep of every day", async () => {
  const site = await shuffled(["one"]);
  const entry = await site.map();
  const { journal } = site.engine;
  const [end] = await journal.append([new Uint8Array(1)]);
  await journal.dropBefore(end!);
  site.end(entry);
  expect(await site.clear()).toEqual(["one"]);
});

test("a start finds what the shuffles had left that ended since the checkpoint", async () => {
  const engine = memoryEngine({ nowMs: () => 0 });
  const { blobs, journal } = engine;
  const [output, running] = [
    await blobs.put(bytesOf("an output")),
    await blobs.put(bytesOf("of one that runs")),
  ];
  const write = async (job: string, { cid, bytes }: { readonly cid: string; readonly bytes: number }) => {
    const spec = { ...jobSpec(), job, shuffle: { partitions: 1 } };
    const { spec: map } = new Jobs(defaultLimits).add(spec, 0).map!;
    const row = packRecords([encodeOutputs([{ ...parseCid(cid), bytes }])]);
    await journal.append([
      encodeLedgerRecord({ type: "submitted", spec, atMs: 0 }, new Uint8Array(0)),
      encodeLedgerRecord(
        { type: "results", job: map.job, worker: "pi", ranges: [[0, 1]], failures: [], retries: [] },
        row,
      ),
    ]);
  };
  await write("jended", output);
  await write("jruns", running);
  const end = { type: "ended", job: "jended", state: "done", reason: "", atMs: 0 } as const;
  await journal.append([encodeLedgerRecord(end, new Uint8Array(0))]);

  const { jobs, leftovers } = await readJournal(engine, defaultLimits, () => {});
  expect(["jended", "jruns"].map((job) => jobs.get(job)?.state)).toEqual(["done", "running"]);
  const spent: string[] = [];
  let nowMs = 0;
  const retention = new Retention({
    engine,
    limits: defaultLimits,
    clock: { nowMs: () => nowMs, wallMs: () => nowMs },
    jobs,
    datasets: { list: () => [] },
    scheduler: createScheduler(defaultLimits),
    ledger: new Ledger(journal, Number.POSITIVE_INFINITY, () => {}),
    recordsRead: 0,
    leftovers,
    onSpent: (cids) => spent.push(...cids),
  });
  nowMs = 2 * defaultLimits.outputsUnusedMs;
  await retention.clearShuffles();
  expect(spent).toEqual([output.cid]);
  expect([await blobs.stat(output.cid), (await blobs.stat(running.cid))?.bytes]).toEqual([
    undefined,
    running.bytes,
  ]);
});
