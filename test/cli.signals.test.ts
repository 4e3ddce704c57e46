import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { childrenOf, untilGone } from "./support/processes.ts";
import {
  environmentOf,
  makeHome,
  musketeers,
  program,
  Running,
  scratchOf,
  startUp,
} from "./support/program.ts";

const TIMEOUT_MS = 120_000;

const endless = `
import { task } from "musketeers";
export const wait = task(async (ms: number) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ms;
});
`;

async function withTask(): Promise<{ home: string; file: string }> {
  const home = await makeHome();
  const file = join(home, "wait.ts");
  await writeFile(file, endless);
  return { home, file };
}

describe("programs that are stopped", { timeout: TIMEOUT_MS }, () => {
  test("Ctrl-C during run cancels the job", async () => {
    const { home, file } = await withTask();
    await startUp(home);
    const run = musketeers(["run", file, "--values"], home, "1\n3600000\n");
    await run.until(/^1$/m);
    expect(await run.stop("SIGINT")).toMatchObject({ status: 130, stderr: "" });
    const jobs = JSON.parse((await musketeers(["jobs", "--json"], home).ended).stdout);
    expect(jobs).toMatchObject([{ title: "wait", state: "cancelled" }]);
  });

  test("a reader of results that leaves does not stop the job", async () => {
    const { home, file } = await withTask();
    await startUp(home);
    const detached = await musketeers(["run", file, "--detach"], home, "1\n3600000\n").ended;
    const id = detached.stdout.trim();
    const reader = musketeers(["results", id], home);
    await reader.until(/"value":1/);
    expect((await reader.stop("SIGINT")).status).toBe(130);
    const job = JSON.parse((await musketeers(["job", id, "--json"], home).ended).stdout);
    expect(job).toMatchObject({ state: "running", done: 1 });
  });

  test("a worker hands back what it has not finished", async () => {
    const { home, file } = await withTask();
    const { line } = await startUp(home, ["--workers", "0"]);
    const first = musketeers(["join", "--accept", line.joinInvite, "--name", "first", "--slots", "1"], home);
    await first.until(/Joined/);
    const run = musketeers(["run", file, "--values"], home, "4000\n");
    const progress = async () => JSON.parse((await musketeers(["workers", "--json"], home).ended).stdout)[0];
    while ((await progress()).busySlots === 0);
    expect((await first.stop("SIGTERM")).status).toBe(0);
    const second = musketeers(
      ["join", "--accept", line.joinInvite, "--name", "second", "--slots", "1"],
      home,
    );
    await second.until(/Joined/);
    expect(await run.ended).toMatchObject({ status: 0, stdout: "4000\n" });
  });

  test.skipIf(process.platform !== "linux")(
    "workers do not outlive a hub's program that is killed",
    async () => {
      const home = await makeHome();
      const { up } = await startUp(home);
      const workers = await childrenOf(up.child.pid!);
      expect(workers).toHaveLength(1);
      await up.stop("SIGKILL");
      await untilGone(workers[0]!);
    },
  );

  test("a second Ctrl-C ends the demo at once, and leaves no files", async () => {
    const home = await makeHome();
    const demo = musketeers(["demo", "--text", "LICENSE"], home);
    await demo.until(/Four musketeers have joined/);
    demo.child.kill("SIGINT");
    demo.child.kill("SIGINT");
    expect((await demo.ended).status).toBe(130);
    // Those of its workers, too.
    await expect.poll(() => readdir(scratchOf(home))).toEqual([]);
  });

  test.skipIf(!existsSync("/dev/full"))("an output on a full disk is an error, and not silence", async () => {
    const home = await makeHome();
    const line = `exec "${process.execPath}" "${program}" cid "${program}" > /dev/full`;
    const cid = new Running("sh", ["-c", line], environmentOf(home));
    expect(await cid.ended).toMatchObject({ status: 6, stderr: expect.stringContaining("STORAGE") });
  });
});
