import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDirectory } from "../../data/node.ts";
import { claimDirectory } from "./claim.ts";
import { embeddedEngine } from "./index.ts";

let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "musketeers-lock-"));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
});

/** A process that takes the lock and says "locked" or the code of its error; it ends when it is killed. */
async function rival(prefix: readonly string[] = []): Promise<{ child: ChildProcess; said: string }> {
  const lock = fileURLToPath(new URL("../../data/directory-lock.ts", import.meta.url));
  const code = `import { lockDirectory } from ${JSON.stringify(lock)};
    lockDirectory(${JSON.stringify(directory)}).then(
      () => { console.log("locked"); setInterval(() => {}, 1000); },
      (error) => console.log(error.code));`;
  const [command, ...args] = [
    ...prefix,
    process.execPath,
    "--import",
    "tsx",
    "--input-type=module",
    "-e",
    code,
  ];
  const child = spawn(command!, args, {
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

const onLinux = process.platform === "linux";

test.runIf(onLinux)(
  "is seen from other network name spaces, such as containers",
  async (context) => {
    const isAllowed = spawnSync("unshare", ["-n", "true"]).status === 0;
    if (!isAllowed) return context.skip("making a network name space is not allowed here");
    const first = await lockDirectory(directory);
    const other = await rival(["unshare", "-n"]);
    expect(other.said).toBe("DATA_IN_USE");
    await first.release();
    const next = await rival(["unshare", "-n"]);
    expect(next.said).toBe("locked");
    await expect(lockDirectory(directory)).rejects.toMatchObject({ code: "DATA_IN_USE" });
    next.child.kill("SIGKILL");
    await once(next.child, "exit");
    await (await lockDirectory(directory)).release();
  },
  30_000,
);

test.runIf(onLinux)("leaves no socket behind, and holds in deep directories", async () => {
  const deep = join(directory, ...Array.from({ length: 12 }, () => "a-folder-name-of-some-length"));
  await mkdir(deep, { recursive: true });
  const lock = await lockDirectory(deep);
  expect(await readdir(deep)).toEqual(["lock.sock"]);
  await lock.release();
  expect(await readdir(deep)).toEqual([]);
});

test("whoever opens a directory past the lock stops the one before at its next write", async () => {
  const engine = await embeddedEngine(directory);
  const bytes = new TextEncoder().encode("record");
  try {
    await engine.journal.append([bytes]);
    claimDirectory(directory).release();
    const refused = { code: "DATA_IN_USE", message: expect.stringContaining(`process ${process.pid}`) };
    await expect(engine.journal.append([bytes])).rejects.toMatchObject(refused);
    await expect(engine.registry.put("key", bytes)).rejects.toMatchObject(refused);
    expect(engine.journal.stats().records).toBe(1);
  } finally {
    await engine.close().catch(() => {});
  }
  const again = await embeddedEngine(directory);
  expect(again.journal.stats().records).toBe(1);
  await again.close();
});

test("a directory that is removed under its hub is noticed at the next write", async () => {
  const engine = await embeddedEngine(directory);
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  await expect(engine.journal.append([new Uint8Array(1)])).rejects.toMatchObject({ code: "DATA_IN_USE" });
  await engine.close().catch(() => {});
  await mkdir(directory);
});
