import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { expect, test, vi } from "vitest";
import type { Hub } from "../src/hub/index.ts";
import type { StageProgress } from "../src/protocol/index.ts";
import type { WorkerHandle } from "../src/worker/node.ts";
import { temporaryDirectory, testClient, testHub, testWorker } from "./support/whole-cluster.ts";
import { wordCount } from "./support/word-count.ts";

/* What a map stage has made is gone before it is reduced. */

const PARTITIONS = 3;
const text = Array.from({ length: 3000 }, (_, at) => `the ${at % 7} and the ${at % 500}\n`).join("");

const expected = new Map<string, number>();
for (const word of text.split(/[ \n]+/)) if (word !== "") expected.set(word, (expected.get(word) ?? 0) + 1);

const cidsAt = async (hub: Hub): Promise<Set<string>> => {
  const cids = new Set<string>();
  for await (const { cid } of hub.coordinator.engine.blobs.list()) cids.add(cid);
  return cids;
};

/** Runs a word count whose mapper leaves when the first partition is to be sent; what else happens then is up to the test. */
async function countWithout(happens: (hub: Hub, inputs: ReadonlySet<string>) => Promise<void>) {
  const hub = await testHub();
  const cluster = await testClient(hub);
  const mapper = await testWorker(hub, { name: "mapper" });
  let reducer: WorkerHandle | undefined;
  const file = await cluster.put(new TextEncoder().encode(text));
  const inputs = await cidsAt(hub);
  const { shuffles } = hub.coordinator;
  const sendUnit = shuffles.sendUnit.bind(shuffles);
  let isMapped = false;
  shuffles.sendUnit = async (session, open, entry) => {
    if (isMapped) {
      await sendUnit(session, open, entry);
      return;
    }
    isMapped = true;
    await mapper.stop();
    await happens(hub, inputs);
    reducer = await testWorker(hub, { name: "reducer" });
  };
  let stages: readonly StageProgress[] = [];
  const counts = await cluster.mapReduce(wordCount, {
    input: file,
    segmentBytes: 8_000,
    partitions: PARTITIONS,
    onProgress: (progress) => {
      stages = progress.stages ?? stages;
    },
  });
  expect(new Map(await counts.toMap())).toEqual(expected);
  expect(reducer?.description.name).toBe("reducer");
  return stages;
}

test("outputs that the hub has are read although their worker has left", async () => {
  const [map] = await countWithout(async () => {});
  expect(map).toMatchObject({ kind: "map", lost: 0 });
  expect(map!.size).toBeGreaterThan(3);
});

test("outputs that nobody has any more are made again, and the counts are right", async () => {
  const [map] = await countWithout(async (hub, inputs) => {
    const { blobs } = hub.coordinator.engine;
    for (const cid of await cidsAt(hub)) {
      if (!inputs.has(cid) && !(await isBundle(hub, cid))) await blobs.delete(cid);
    }
  });
  expect(map!.lost).toBeGreaterThan(0);
  expect(map!.done).toBe(map!.size);
});

test("outputs are gone from the hub and from the caches of workers when the job has ended, and its counts are not", async () => {
  const hub = await testHub({ limits: { outputsUnusedMs: 0, retentionIntervalMs: 50 } });
  const cluster = await testClient(hub);
  const cacheDirectory = await temporaryDirectory();
  await testWorker(hub, { cacheDirectory });
  const file = await cluster.put(new TextEncoder().encode(text));
  const inputs = await cidsAt(hub);
  const { tracker } = hub.coordinator.peers;
  const made = new Set<string>();
  const cached = async () => {
    const names = await readdir(cacheDirectory, { recursive: true });
    return names.map((name) => basename(name)).filter((name) => made.has(name));
  };
  const isHeld = (cid: string) => tracker.holdersOf(cid).length > 0;
  const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 60_000, interval: 20 });
  const { retention } = hub.coordinator;
  // They are looked at when their job is done, just before they go.
  const clear = retention.clearShuffles.bind(retention);
  retention.clearShuffles = async () => {
    for (const cid of await cidsAt(hub)) if (!inputs.has(cid)) made.add(cid);
    await soon(async () => expect((await cached()).every(isHeld)).toBe(true));
    await clear();
  };
  const options = { input: file, segmentBytes: 8_000, partitions: PARTITIONS };
  const counts = await cluster.mapReduce(wordCount, options);
  // A file for each partition, and the bundle.
  const keptMax = PARTITIONS + 1;
  await soon(async () => {
    const kept = [...(await cidsAt(hub))].filter((cid) => made.has(cid));
    expect(kept.length).toBe(keptMax);
    expect((await cached()).length).toBeLessThanOrEqual(keptMax);
    expect([...made].filter(isHeld).length).toBeLessThanOrEqual(keptMax);
  });
  expect(made.size).toBeGreaterThan(4 * PARTITIONS);
  expect(new Map(await counts.toMap())).toEqual(expected);
});

async function isBundle(hub: Hub, cid: string): Promise<boolean> {
  return [...hub.coordinator.jobs].some(({ spec }) => spec.task.bundle === cid);
}
