import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { embeddedEngine } from "./index.ts";
import { lockDirectory } from "./lock.ts";

let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "musketeers-lock-"));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(directory, { recursive: true });
});

/** A process that takes the lock and says "locked" or the code of its error; it ends when it is killed. */
async function rival(): Promise<{ child: ChildProcess; said: string }> {
  const lock = fileURLToPath(new URL("./lock.ts", import.meta.url));
  const code = `import { lockDirectory } from ${JSON.stringify(lock)};
    lockDirectory(${JSON.stringify(directory)}).then(
      () => { console.log("locked"); setInterval(() => {}, 1000); },
      (error) => console.log(error.code));`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [said] = (await once(child.stdout!, "data")) as [Buffer];
  return { child, said: said.toString().trim() };
}

test("refuses a directory that is in use, by any name, until it is released", async () => {
  const first = await lockDirectory(directory);
  const alias = `${directory}-alias`;
  await symlink(directory, alias);
  try {
    await expect(lockDirectory(alias)).rejects.toMatchObject({ code: "DATA_IN_USE" });
  } finally {
    await rm(alias);
  }
  await first.release();
  await (await lockDirectory(directory)).release();
});

test("refuses a directory that another process uses, and takes it when that was killed", async () => {
  const { child, said } = await rival();
  expect(said).toBe("locked");
  await expect(embeddedEngine(directory)).rejects.toMatchObject({ code: "DATA_IN_USE" });
  child.kill("SIGKILL");
  await once(child, "exit");
  await (await embeddedEngine(directory)).close();
}, 30_000);

test("lets one of several processes that start at once win", async () => {
  const rivals = await Promise.all([rival(), rival(), rival()]);
  expect(rivals.map(({ said }) => said).sort()).toEqual(["DATA_IN_USE", "DATA_IN_USE", "locked"]);
}, 30_000);
