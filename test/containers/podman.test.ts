import { readdir } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import process from "node:process";
import { afterAll, beforeAll, expect, type TestContext, test } from "vitest";
import { type Podman, podmanOf } from "./podman.ts";
import { messages, perl, shell, startScene } from "./scene.ts";

/* Container tasks with podman, as the user that runs the tests; with docker they are tried at more length. */

let podman: Podman | { readonly why: string };

beforeAll(async () => {
  podman = await podmanOf();
});

afterAll(async () => {
  if ("remove" in podman) await podman.remove();
});

/** Skips the test that asks where podman cannot run containers. */
function podmanIn(context: TestContext): Podman {
  return "why" in podman ? context.skip(podman.why) : podman;
}

test("podman: lines and files go in and out, containers have little, and what breaks them is told", async (context) => {
  const { ask, ...setting } = podmanIn(context);
  const { run, leave } = await startScene(setting);
  const once = "maxAttempts: 1, retries: 0,";

  const squares = await run(`${once} ${perl('print $_ == 3 ? "oops" : $_ * $_, "\\n"')}`, [1, 2, 3, 4]);
  expect(squares.map(({ value }) => value)).toEqual([1, 4, undefined, 16]);
  expect(messages(squares)[2]).toContain('It printed no JSON: "oops"');

  const look = [
    "cat >/dev/null",
    "tr a-z A-Z </in/text >/out/loud",
    // It shuts its agent out, which has to remove it all the same.
    "mkdir -p /out/shut/deep && touch /out/shut/deep/file && chmod 0 /out/shut/deep",
    "grep CapEff /proc/self/status | cut -f2",
    "grep NoNewPrivs /proc/self/status | cut -f2",
    "grep -c : /proc/net/dev",
    "touch /mine 2>/dev/null && echo writable || echo read-only",
    "ulimit -n",
    "cat /proc/self/oom_score_adj",
    "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null | head -1",
  ].join("; ");
  const [answer] = await run(`${once} mode: "files", memory: "96MB", ${shell(look)}`, [
    { files: { text: "all for one" } },
  ]);
  const { value, files } = answer!.value as { value: string; files: object };
  expect(value.trim().split("\n")).toEqual([
    "0000000000000000",
    "1",
    "1",
    "read-only",
    "1024",
    "800",
    String(96 * 1024 * 1024),
  ]);
  expect(Object.keys(files)).toEqual(["loud"]);

  await leave();
  expect(await ask(["ps", "--all", "--quiet", "--filter=label=musketeers"])).toBe("");
});

/** Temporary folders of one agent. */
async function foldersOf(pid: number): Promise<readonly string[]> {
  const machine = hostname()
    .replace(/[^a-z0-9]/gi, "")
    .slice(0, 24);
  const names = await readdir(tmpdir());
  return names.filter((name) => name.startsWith(`musketeers-worker-${machine}-${pid}-`));
}

test("podman: what an agent leaves that is killed, the next one removes: its container, and the folders of that", async (context) => {
  const { ask, ...setting } = podmanIn(context);
  const first = await startScene(setting);
  const ran = first.run(`mode: "files", ${shell("touch /out/begun; sleep 600")}`, [{}]).catch(() => {});
  await expect.poll(() => ask(["ps", "--quiet", "--filter=label=musketeers"])).not.toBe("");
  process.kill(first.pid, "SIGKILL");
  const left = () => ask(["ps", "--all", "--format={{.Names}}", "--filter=label=musketeers"]);
  expect(await left()).toContain(`musketeers-${first.pid}-`);
  const second = await startScene(setting);
  expect(await left()).not.toContain(`musketeers-${first.pid}-`);
  expect(await foldersOf(first.pid)).toEqual([]);
  await second.leave();
  void ran;
});
