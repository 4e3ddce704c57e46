import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type BlockSink, buildFile, MemoryBlobCache, TreeBuilder } from "../../data/index.ts";
import type { KeptMessage } from "../../protocol/index.ts";
import { ReplicaCache } from "./replica-cache.ts";
import { ReplicaKeeper } from "./replica-keeper.ts";
import { ReplicaStore } from "./replica-store.ts";

async function folderOf(files: Record<string, string>) {
  const blocks = new Map<string, Uint8Array>();
  const sink: BlockSink = { put: (cid, bytes) => void blocks.set(cid, bytes) };
  const tree = new TreeBuilder(sink);
  for (const [path, text] of Object.entries(files)) {
    tree.add(path, await buildFile([new TextEncoder().encode(text)], sink, { chunkBytes: 8 }));
  }
  return { cid: (await tree.end()).cid, blocks };
}

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return directory;
}

/** A keeper whose hub has some blocks. */
async function keeperIn(directory: string, blocks: ReadonlyMap<string, Uint8Array>) {
  const store = await ReplicaStore.open(directory);
  const said: KeptMessage[] = [];
  const fetched: string[] = [];
  let told = () => {};
  const keeper = new ReplicaKeeper({
    store,
    send: (message) => {
      said.push(message);
      told();
    },
    fetch: async (cid) => {
      fetched.push(cid);
      const bytes = blocks.get(cid);
      if (bytes === undefined) throw new Error(`nobody has ${cid}`);
      return bytes;
    },
  });
  onTestFinished(() => keeper.close());
  const next = () =>
    new Promise<KeptMessage>((resolve) => {
      told = () => resolve(said.at(-1)!);
    });
  const keep = (cids: readonly string[]) => {
    const answer = next();
    keeper.keep(cids);
    return answer;
  };
  return { store, keeper, fetched, said, keep, next };
}

const shared = "what is in both of them";

test("a worker keeps what it is told, across restarts, shared blocks once, and nothing else", async () => {
  const directory = await temporary();
  const [one, two] = await Promise.all([
    folderOf({ "a.txt": "first of all", "s.txt": shared }),
    folderOf({ "b.txt": "another one", "s.txt": shared }),
  ]);
  const all = new Map([...one.blocks, ...two.blocks]);
  const first = await keeperIn(directory, all);
  expect(await first.keep([one.cid])).toEqual({ type: "kept", cids: [one.cid], partial: [], refused: [] });
  expect(first.fetched.sort()).toEqual([...one.blocks.keys()].sort());
  await first.keep([one.cid, two.cid]);
  // What was here was not fetched again.
  expect(first.fetched.sort()).toEqual([...all.keys()].sort());
  const leaf = [...one.blocks].find(([cid]) => two.blocks.has(cid))![0];
  expect((await stat(join(directory, one.cid, leaf))).nlink).toBe(2);
  await first.keeper.close();

  const second = await keeperIn(directory, new Map());
  second.keeper.onWelcome();
  expect([...second.said.at(-1)!.cids].sort()).toEqual([one.cid, two.cid].sort());
  for (const [cid, bytes] of all) expect(Buffer.compare((await second.store.get(cid))!, bytes)).toBe(0);
  expect((await second.keep([two.cid])).cids).toEqual([two.cid]);
  expect(await readdir(directory)).toEqual([two.cid]);
  for (const [cid, bytes] of two.blocks)
    expect(Buffer.compare((await second.store.get(cid))!, bytes)).toBe(0);
  expect([...second.store.cids()].sort()).toEqual([...two.blocks.keys()].sort());
});

test("a folder that cannot be had is refused, and asked for again goes on where it was", async () => {
  const directory = await temporary();
  const { cid, blocks } = await folderOf({ "a.txt": "some chunks of text", "b.txt": "more" });
  const missing = [...blocks.keys()].find((each) => each.startsWith("bafkrei"))!;
  const some = new Map([...blocks].filter(([each]) => each !== missing));
  const { keep, fetched } = await keeperIn(directory, some);
  expect(await keep([cid])).toEqual({ type: "kept", cids: [], partial: [cid], refused: [cid] });
  some.set(missing, blocks.get(missing)!);
  fetched.length = 0;
  expect(await keep([cid])).toEqual({ type: "kept", cids: [cid], partial: [], refused: [] });
  expect(fetched).toContain(missing);
  expect(fetched.length).toBeLessThan(blocks.size);
});

test("a block that the disk has damaged is not given out, and its folder is made whole again", async () => {
  const directory = await temporary();
  const { cid, blocks } = await folderOf({ "a.txt": "a text" });
  const { keep, store, next } = await keeperIn(directory, blocks);
  await keep([cid]);
  const leaf = [...blocks.keys()].find((each) => each.startsWith("bafkrei"))!;
  await writeFile(join(directory, cid, leaf), "a tixt");
  const mended = next();
  expect(await store.get(leaf)).toBeUndefined();
  expect(await mended).toEqual({ type: "kept", cids: [cid], partial: [], refused: [] });
  expect(Buffer.compare((await store.get(leaf))!, blocks.get(leaf)!)).toBe(0);
});

test("replicas and cache together are what is near at hand, and who watches hears of both", async () => {
  const { cid, blocks } = await folderOf({ "a.txt": "a text" });
  const { keep, store } = await keeperIn(await temporary(), blocks);
  const cache = new ReplicaCache(store, new MemoryBlobCache({ bytesMax: 1_000 }));
  const kept: string[] = [];
  const dropped: string[] = [];
  cache.watcher = { kept: (each) => kept.push(each), dropped: (each) => dropped.push(each) };
  await keep([cid]);
  await cache.put("bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", new Uint8Array(3));
  expect(kept).toHaveLength(blocks.size + 1);
  expect([...cache.cids()].sort()).toEqual([...kept].sort());
  expect(await cache.get(cid)).toEqual(blocks.get(cid));
  await keep([]);
  expect(dropped.sort()).toEqual([...blocks.keys()].sort());
});
