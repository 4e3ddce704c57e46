import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type BlockSource, buildFile, TreeBuilder } from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { saveFile, saveFolder } from "./save.ts";

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "musketeers-save-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** A dataset in memory, with what was asked for. */
async function datasetOf(files: Readonly<Record<string, Uint8Array>>, folders: readonly string[] = []) {
  const blocks = new Map<string, Uint8Array>();
  const asked: string[] = [];
  const sink = { put: (cid: string, bytes: Uint8Array) => void blocks.set(cid, bytes.slice()) };
  const tree = new TreeBuilder(sink);
  for (const folder of folders) tree.addFolder(folder);
  for (const [path, bytes] of Object.entries(files)) tree.add(path, await buildFile([bytes], sink));
  const source: BlockSource = {
    get: async (cid) => {
      asked.push(cid);
      const bytes = blocks.get(cid);
      if (bytes === undefined) throw new MusketeersError("NOT_FOUND", `no ${cid}`);
      return bytes.slice();
    },
  };
  return { cid: (await tree.end()).cid, blocks, source, asked };
}

const utf8 = new TextEncoder();
const noise = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (Math.imul(at ^ (seed << 7), 2_654_435_761) >>> 13) & 255);

test("all of a folder: empty files, empty folders, names as long as can be and names of parts of others", async () => {
  const long = "n".repeat(255);
  const files = {
    a: utf8.encode("the file a"),
    "a.part": utf8.encode("looks like a part of the file a, and is none"),
    "a.part.part": utf8.encode("nor is this"),
    [long]: utf8.encode("long"),
    [`${long.slice(1)}m`]: utf8.encode("long"),
    "more/empty": new Uint8Array(0),
    "more/large": noise(700_000, 1),
    é: utf8.encode("composed"),
    "e\u0301": utf8.encode("decomposed"),
  };
  const { cid, source } = await datasetOf(files, ["nothing/in/here"]);
  const target = join(await makeFolder(), "out");
  const saved: string[] = [];
  await saveFolder(cid, target, source, { onFile: ({ path }) => saved.push(path) });
  expect(saved.toSorted()).toEqual(Object.keys(files).toSorted());
  for (const [path, bytes] of Object.entries(files)) {
    expect(Buffer.compare(await readFile(join(target, path)), bytes), path).toBe(0);
  }
  expect((await stat(join(target, "nothing/in/here"))).isDirectory()).toBe(true);
  // Nothing else is left there.
  expect(await readdir(target)).toHaveLength(Object.keys(files).length - 2 + 2);

  const again: number[] = [];
  await saveFolder(cid, target, source, { onFile: ({ keptBytes }) => again.push(keptBytes) });
  expect(again.reduce((sum, bytes) => sum + bytes, 0)).toBe(
    Object.values(files).reduce((sum, { length }) => sum + length, 0),
  );
});

test("what was cut goes on where it was, and only for the same content", async () => {
  const first = noise(1_000_000, 1);
  const { cid, blocks, source, asked } = await datasetOf({ large: first });
  const folder = await makeFolder();
  const lost = [...blocks.keys()].filter((name) => name.startsWith("bafkrei")).at(-1)!;
  const last = blocks.get(lost)!;
  blocks.delete(lost);
  await expect(saveFolder(cid, folder, source)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await readdir(folder))[0]).toMatch(/^large\..*\.part$/);

  const other = await datasetOf({ large: noise(900_000, 2) });
  const kept: number[] = [];
  const onFile = ({ keptBytes }: { keptBytes: number }) => kept.push(keptBytes);
  await saveFolder(other.cid, folder, other.source, { onFile });
  expect(kept).toEqual([0]);

  blocks.set(lost, last);
  asked.length = 0;
  await saveFolder(cid, folder, source, { force: true, onFile });
  expect(kept).toEqual([0, 3 * 262_144]);
  expect(asked.filter((name) => name.startsWith("bafkrei"))).toEqual([lost]);
  expect(Buffer.compare(await readFile(join(folder, "large")), first)).toBe(0);
  expect(await readdir(folder)).toEqual(["large"]);
});

test("what is there and holds something else stays, and a folder is never replaced", async () => {
  const bytes = utf8.encode("new");
  const { cid, source } = await datasetOf({ file: bytes });
  const folder = await makeFolder();
  const path = join(folder, "file");
  await writeFile(path, "old");
  await expect(saveFolder(cid, folder, source)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  expect(await readFile(path, "utf8")).toBe("old");
  await saveFolder(cid, folder, source, { force: true });
  expect(await readFile(path, "utf8")).toBe("new");

  await rm(path);
  await mkdir(path);
  // Of the length of the folder itself, which must not be read as a file.
  const length = (await stat(path)).size;
  const same = await datasetOf({ file: noise(length, 3) });
  for (const force of [false, true]) {
    await expect(saveFolder(same.cid, folder, same.source, { force })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      message: expect.stringContaining("is a folder"),
    });
  }
  expect(await readdir(folder)).toEqual(["file"]);
});

test("one file, also where its folder is not there yet", async () => {
  const bytes = noise(300_000, 4);
  const { blocks, source } = await datasetOf({ file: bytes });
  const folder = await makeFolder();
  const { cid } = await buildFile([bytes], { put: () => undefined });
  expect(blocks.has(cid)).toBe(true);
  const ref = { cid, bytes: bytes.length };
  const path = join(folder, "x", "y", "file");
  const seen: number[] = [];
  expect(await saveFile(ref, path, source, { onBytes: (more) => seen.push(more) })).toBe(0);
  expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
  expect(seen.reduce((sum, more) => sum + more, 0)).toBe(bytes.length);
  expect(await saveFile(ref, path, source)).toBe(bytes.length);
  await expect(saveFile(ref, join(path, "below"), source)).rejects.toMatchObject({ code: "STORAGE" });
});
