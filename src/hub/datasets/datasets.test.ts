import { expect, test } from "vitest";
import { type BlockSink, buildFile, cidOf, type Entry, TreeBuilder } from "../../data/index.ts";
import { type Engine, memoryEngine } from "../../engine/index.ts";
import { Datasets } from "./datasets.ts";
import { blocksBelow, surveyTree } from "./tree-survey.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Stores what is built. */
const sinkOf = ({ blobs }: Engine): BlockSink => ({
  put: (cid, bytes) => blobs.put(bytes, { expect: cid }).then(() => {}),
});

async function folderOf(engine: Engine, files: Record<string, string>): Promise<Entry> {
  const sink = sinkOf(engine);
  const tree = new TreeBuilder(sink);
  for (const [path, text] of Object.entries(files)) {
    tree.add(path, await buildFile([bytesOf(text)], sink, { chunkBytes: 10 }));
  }
  return tree.end();
}

const openOn = ({ registry, blobs }: Engine, datasetsMax = 100) =>
  Datasets.open({ registry, blobs, limits: { datasetsMax }, wallMs: () => 7 });

const named = (name: string, cid: string, replace = false) => ({
  name,
  cid,
  replace,
  replicas: 0,
  owner: "alice",
});

test("a name stands for a folder, also after a restart, until it is removed", async () => {
  const engine = memoryEngine();
  const datasets = await openOn(engine);
  const { cid } = await folderOf(engine, { "a.txt": "hello", "b/c.txt": "a text of some chunks" });
  const changed: string[] = [];
  datasets.onChanged = (name) => changed.push(name);
  const books = await datasets.put(named("books", cid));
  expect(books).toEqual({
    name: "books",
    cid,
    bytes: 26,
    files: 2,
    createdAtMs: 7,
    owner: "alice",
    replicas: 0,
  });
  await datasets.put(named("again", cid));
  const later = await openOn(engine);
  expect(later.list()).toEqual([{ ...books, name: "again" }, books]);
  expect(later.require("books")).toEqual(books);
  expect(await later.remove("books")).toEqual(books);
  expect((await openOn(engine)).list().map(({ name }) => name)).toEqual(["again"]);
  await expect(later.remove("books")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(() => later.require("books")).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
  expect(changed).toEqual(["books", "again"]);
});

test("a name that is taken is given away only where that is wanted", async () => {
  const engine = memoryEngine();
  const datasets = await openOn(engine);
  const one = await folderOf(engine, { "a.txt": "one" });
  const two = await folderOf(engine, { "a.txt": "two" });
  await datasets.put(named("books", one.cid));
  await datasets.put(named("books", one.cid));
  await expect(datasets.put(named("books", two.cid))).rejects.toMatchObject({ code: "DATASET_EXISTS" });
  expect(datasets.require("books").cid).toBe(one.cid);
  await datasets.put(named("books", two.cid, true));
  expect(datasets.require("books").cid).toBe(two.cid);
  const race = [one, two].map(({ cid }) =>
    datasets.put(named("raced", cid)).then(
      () => "ok",
      () => "taken",
    ),
  );
  expect(await Promise.all(race)).toEqual(["ok", "taken"]);
});

test("an older catalogue does not bring back what a dataset was put with before, whoever comes first", async () => {
  const engine = memoryEngine();
  const datasets = await openOn(engine);
  const { cid } = await folderOf(engine, { "a.txt": "hello" });
  const put = async (change: object) => {
    await datasets.put({ ...named("books", cid), ...change });
    return datasets.list();
  };
  const catalogues = [await put({}), await put({ replicas: 2 }), await put({ replicas: 1 })];
  catalogues.push(await put({ replicas: 1, owner: "bob" }));
  expect(await put({ replicas: 1, owner: "bob" })).toEqual(catalogues.at(-1));
  for (const order of [catalogues, catalogues.toReversed()]) {
    const recovered = await openOn(memoryEngine());
    for (const catalogue of order) {
      await recovered.adopt([[0, Number.POSITIVE_INFINITY]], catalogue, [[0, Number.POSITIVE_INFINITY]]);
    }
    expect(recovered.list()).toMatchObject([{ replicas: 1, owner: "bob" }]);
  }
});

test("a folder that is not all there gets no name", async () => {
  const engine = memoryEngine();
  const datasets = await openOn(engine);
  const { cid } = await folderOf(engine, { "a.txt": "hello", "b/c.txt": "a text of some chunks" });
  const blocks: string[] = [];
  for await (const block of blocksBelow([cid], engine.blobs, new AbortController().signal))
    blocks.push(block);
  expect(new Set(blocks).size).toBe(7);
  for (const block of blocks) {
    const parts: Uint8Array[] = [];
    for await (const part of engine.blobs.read(block)) parts.push(part);
    await engine.blobs.delete(block);
    await expect(datasets.put(named("books", cid)), block).rejects.toMatchObject({ code: "NOT_FOUND" });
    await engine.blobs.put(Buffer.concat(parts), { expect: block });
  }
  await datasets.put(named("books", cid));
});

test("what is no name, no folder, or wrongly made is refused", async () => {
  const engine = memoryEngine();
  const datasets = await openOn(engine);
  const { cid } = await folderOf(engine, { "a.txt": "hello" });
  for (const name of ["", "A", ".a", "-a", "a/b", "a b", "ä", "x".repeat(65)]) {
    await expect(async () => datasets.put(named(name, cid)), name).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
  }
  const file = await buildFile([bytesOf("a text of some chunks")], sinkOf(engine), { chunkBytes: 10 });
  const text = (await engine.blobs.put(bytesOf("a text"))).cid;
  const junk = (await engine.blobs.put(bytesOf("junk"), { expect: cidOf(bytesOf("junk"), "dag-pb") })).cid;
  for (const other of [file.cid, text, junk]) {
    await expect(datasets.put(named("books", other))).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  }
  const lying = new TreeBuilder(sinkOf(engine));
  lying.add("a.txt", { ...(await buildFile([bytesOf("hello")], sinkOf(engine))), treeBytes: 4 });
  await expect(datasets.put(named("books", (await lying.end()).cid))).rejects.toMatchObject({
    code: "BAD_ARGUMENT",
  });
});

test("a folder of folders that would take for ever to walk is counted at once", async () => {
  const engine = memoryEngine();
  const sink = sinkOf(engine);
  let inner: Entry = await buildFile([bytesOf("x")], sink);
  for (let level = 0; level < 40; level++) {
    const tree = new TreeBuilder(sink);
    tree.add("a", inner);
    tree.add("b", inner);
    inner = await tree.end();
  }
  expect(await surveyTree(inner.cid, engine.blobs)).toEqual({ bytes: 2 ** 40, files: 2 ** 40 });
});

test("datasetsMax: one more name is refused, one that is known is not", async () => {
  const engine = memoryEngine();
  const datasets = await openOn(engine, 2);
  const { cid } = await folderOf(engine, { "a.txt": "hello" });
  await datasets.put(named("a", cid));
  await datasets.put(named("b", cid));
  await expect(datasets.put(named("c", cid))).rejects.toMatchObject({ code: "TOO_MANY" });
  await datasets.put(named("b", cid));
  await datasets.remove("a");
  await datasets.put(named("c", cid));
});
