import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadOrCreateKey } from "./node.ts";

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "musketeers-key-"));
  path = join(directory, "below", "hub.key");
});

afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

test("makes a key that only its owner can read, and finds it again", async () => {
  const key = await loadOrCreateKey(path);
  expect(key).toHaveLength(32);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await loadOrCreateKey(path)).toEqual(key);
  expect(await readdir(join(directory, "below"))).toEqual(["hub.key"]);
});

test("gives everybody who comes at once the same key", async () => {
  const keys = await Promise.all(Array.from({ length: 10 }, () => loadOrCreateKey(path)));
  expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(1);
  expect(await readdir(join(directory, "below"))).toEqual(["hub.key"]);
});

test("closes a key file that others could read", async () => {
  const key = await loadOrCreateKey(path);
  await chmod(path, 0o644);
  expect(await loadOrCreateKey(path)).toEqual(key);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("never replaces a file that holds something else", async () => {
  await loadOrCreateKey(path);
  for (const content of ["", "something else", "00".repeat(31)]) {
    await writeFile(path, content);
    await expect(loadOrCreateKey(path)).rejects.toMatchObject({
      code: "STORAGE",
      message: expect.stringContaining(path),
    });
    expect(await readFile(path, "utf8")).toBe(content);
  }
});

test("says where no key can be made", async () => {
  const file = join(directory, "file");
  await writeFile(file, "");
  await expect(loadOrCreateKey(join(file, "hub.key"))).rejects.toMatchObject({ code: "STORAGE" });
});
