import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { cidOfPath } from "./cid-of-path.ts";
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
