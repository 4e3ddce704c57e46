import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  openSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { cidOfContent, cidOfPath } from "./cid-of-path.ts";
import type { LeftOut } from "./put-source.ts";
import { listPath } from "./source-path.ts";

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "musketeers-list-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

async function listed(folder: string): Promise<{ paths: string[]; leftOut: LeftOut[] }> {
  const leftOut: LeftOut[] = [];
  const paths: string[] = [];
  for await (const { path } of listPath(folder, (entry) => leftOut.push(entry))) paths.push(path);
  return { paths, leftOut };
}

test.skipIf(process.platform === "win32")("what is left out of a folder is said", async () => {
  const folder = await makeFolder();
  await mkdir(join(folder, "more", "empty"), { recursive: true });
  await writeFile(join(folder, ".hidden"), "x");
  await writeFile(join(folder, "more", "file"), "y");
  const plain = await cidOfPath(folder);
  await symlink("more", join(folder, "to a folder"));
  await symlink("nothing", join(folder, "more", "to nothing"));
  execFileSync("mkfifo", [join(folder, "pipe")]);
  const server = createServer().listen(join(folder, "socket"));
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  expect(await listed(folder)).toEqual({
    paths: [".hidden", "more", "more/empty", "more/file"],
    leftOut: [
      { path: join(folder, "more", "to nothing"), why: "a link to nothing" },
      { path: join(folder, "pipe"), why: "a pipe" },
      { path: join(folder, "socket"), why: "a socket" },
      { path: join(folder, "to a folder"), why: "a link to a folder" },
    ],
  });
  expect(await cidOfPath(folder)).toBe(plain);
  await symlink(".hidden", join(folder, "to a file"));
  expect((await listed(folder)).paths).toContain("to a file");
});

test.skipIf(process.platform !== "linux").each(["file", "folder"])(
  "a %s whose name is no UTF-8 is refused, not left out",
  async (kind) => {
    const folder = await makeFolder();
    const path = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9)]);
    await (kind === "file" ? writeFile(path, "x") : mkdir(path));
    await expect(listed(folder)).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      message: expect.stringContaining("no UTF-8"),
    });
  },
);

const MB = 1_048_576;

/** A file that was written long ago, to which something happens when its first bytes were read. */
async function readWhile(bytes: number, change: (path: string) => void, { at = 1 } = {}) {
  const path = join(await makeFolder(), "file");
  await writeFile(path, Buffer.alloc(bytes, "0123456789abcdef\n"));
  await utimes(path, 1e9, 1e9);
  const before = await cidOfPath(path);
  let read = 0;
  const onProgress = () => {
    if (++read === at) change(path);
  };
  const during = cidOfPath(path, { onProgress });
  return { before, during, path };
}

function overwrite(path: string, position: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, "changed", position);
  closeSync(fd);
}

// Those of 20 MB are read by threads.
describe.each([0.9, 3, 20])("a file of %f MB", (megabytes) => {
  const bytes = megabytes * MB;

  test.each([
    ["at its beginning", 0],
    ["at its end", bytes - 10],
  ])("that is written to %s while it is read is no mixture", async (_, position) => {
    const { before, during, path } = await readWhile(bytes, (file) => overwrite(file, position));
    // What was written before it was read is part of a file that there was.
    const outcome = await during.catch((error: unknown) => error);
    if (typeof outcome === "string") expect([before, await cidOfPath(path)]).toContain(outcome);
    else expect(outcome).toMatchObject({ code: "FILE_CHANGED", retryable: true });
    if (position === 0) expect(outcome).toMatchObject({ message: expect.stringContaining(path) });
  });

  test("that grows is as it was when it was opened", async () => {
    const { before, during, path } = await readWhile(bytes, (file) => appendFileSync(file, "one more line"));
    expect(await during).toBe(before);
    expect(await cidOfPath(path)).not.toBe(before);
  });

  test("that is cut is no mixture", async () => {
    const { during, path } = await readWhile(bytes, (file) => truncateSync(file, 10));
    const outcome = await during.catch((error: unknown) => error);
    if (typeof outcome === "string") expect(outcome).toBe(await cidOfPath(path));
    else expect(outcome).toMatchObject({ code: "FILE_CHANGED" });
  });

  test("that is touched is what it is", async () => {
    const { before, during } = await readWhile(bytes, (file) => utimesSync(file, 2e9, 2e9));
    expect(await during).toBe(before);
  });
});

test("a file that another one replaces is as it was when it was opened", async () => {
  const other = join(await makeFolder(), "other");
  await writeFile(other, "other");
  const { before, during } = await readWhile(3 * MB, (file) => renameSync(other, file));
  expect(await during).toBe(before);
});

test.skipIf(process.platform !== "linux")("a file whose length nobody knows is read to its end", async () => {
  expect(await cidOfPath("/proc/self/status")).toMatch(/^baf/);
});

test.skipIf(process.platform === "win32")("what comes out of a pipe is taken as it comes", async () => {
  const pipe = join(await makeFolder(), "pipe");
  execFileSync("mkfifo", [pipe]);
  const plain = await cidOfContent(Buffer.from("hello world"));
  const [cid] = await Promise.all([cidOfPath(pipe), writeFile(pipe, "hello world")]);
  expect(cid).toBe(plain);
});
