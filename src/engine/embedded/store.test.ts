import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { engineLimits } from "../options.ts";
import { FakeDisk } from "./disk.fake.ts";
import { embeddedEngine } from "./index.ts";
import { EmbeddedRegistry } from "./registry.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "musketeers-store-"));
});

afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const registryOn = (files: FakeDisk) =>
  EmbeddedRegistry.open({
    files,
    directory: "/data",
    limits: engineLimits({}),
    nowMs: () => 0,
  });

test("a damaged registry is refused, whichever bit it is", async () => {
  const disk = new FakeDisk();
  await (await registryOn(disk)).put("key", bytesOf("value"));
  const whole = disk.content("/data/registry");
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bytes = whole.slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    disk.setContent("/data/registry", bytes);
    await expect(registryOn(disk)).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
  }
  for (const bytes of [0, 4, 8, whole.length]) {
    for (const bits of [0x00, 0xff]) {
      disk.setContent("/data/registry", new Uint8Array(bytes).fill(bits));
      await expect(registryOn(disk)).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
    }
  }
});

test("a registry write is all there or not at all, wherever the power goes or the disk refuses", async () => {
  const steps: string[] = [];
  for (let failing = 0; ; failing++) {
    const disk = new FakeDisk();
    const registry = await registryOn(disk);
    const revision = await registry.put("key", bytesOf("old"));
    let count = 0;
    let failed = "";
    disk.fault = (operation) => {
      if (count++ !== failing) return undefined;
      failed = operation;
      return { code: "ENOSPC" };
    };
    const put = registry.put("key", bytesOf("new"), { ifRevision: revision! });
    const outcome = await put.then(
      () => "new",
      (error) => error.code as string,
    );
    const after = await registryOn(disk.afterPowerCut());
    const stored = new TextDecoder().decode((await after.get("key"))!.value);
    if (failed === "") {
      expect([outcome, stored]).toEqual(["new", "new"]);
      break;
    }
    steps.push(failed);
    expect([outcome, stored]).toEqual(["STORAGE", "old"]);
    expect((await registry.get("key"))!.revision).toBe(revision);
  }
  expect(steps).toEqual(["open", "write", "sync", "rename", "syncDirectory"]);
});

test("half-stored blobs are forgotten when the directory is opened", async () => {
  const drafts = join(directory, "blobs", "drafts");
  await mkdir(drafts, { recursive: true });
  await writeFile(join(drafts, "0"), "half a blob");
  const engine = await embeddedEngine(directory);
  try {
    expect(await readdir(drafts)).toEqual([]);
    const large = "hello world".repeat(100_000);
    const { cid } = await engine.blobs.put(bytesOf(large));
    expect(await readFile(join(directory, "blobs", cid.slice(-2), cid), "utf8")).toBe(large);
    expect(await readdir(drafts)).toEqual([]);
  } finally {
    await engine.close();
  }
});

test("a directory that cannot be one says so", async () => {
  const path = join(directory, "file");
  await writeFile(path, "");
  await expect(embeddedEngine(join(path, "data"))).rejects.toMatchObject({
    code: "STORAGE",
    message: expect.stringContaining(path),
  });
});

test("a torn end is reported", async () => {
  let engine = await embeddedEngine(directory);
  await engine.journal.append([bytesOf("whole")]);
  expect(engine.recovery).toBeUndefined();
  await engine.close();
  const [segment] = (await readdir(join(directory, "journal"))).filter((name) => name.endsWith(".log"));
  await writeFile(join(directory, "journal", segment!), "torn", { flag: "a" });
  engine = await embeddedEngine(directory);
  try {
    expect(engine.recovery).toMatchObject({ segment, droppedBytes: 4 });
  } finally {
    await engine.close();
  }
});
