import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectTo } from "../src/client/connect.ts";
import { startHub } from "../src/hub/index.ts";
import { openNodeSocket } from "../src/link/node.ts";
import { defaultLimits } from "../src/protocol/index.ts";
import { makeHome, musketeers, startUp } from "./support/program.ts";
import { nap } from "./support/tasks.ts";
import { testCluster } from "./support/whole-cluster.ts";

/* What people get wrong: a code, what happened, what to do, an exit status of its own; and nothing else suffers. */

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Runs a command with --json to its end; gives its status and the error that it printed. */
async function failureOf(home: string, args: readonly string[], input?: string) {
  const { status, stdout, stderr } = await musketeers([...args, "--json"], home, input).ended;
  const line = /^\{"error":.*\}$/m.exec(stderr)?.[0];
  if (line === undefined) throw new Error(`no error was printed: ${status}\n${stdout}\n${stderr}`);
  const error = (JSON.parse(line) as { error: Failure }).error;
  expect(error.message).toMatch(/\S/);
  expect(error.hint).toMatch(/\S/);
  return { status, error, stdout };
}

const files: Readonly<Record<string, string>> = {
  "double.ts": `import { task } from "musketeers"; export const double = task((n: number) => n * 2);`,
  "none.ts": "export const five = 5;",
  "two.ts": `import { task } from "musketeers"; export const a = task((n: number) => n); export const b = task((n: number) => n);`,
  "syntax.ts": "export const = 5",
  "import.ts": `import { task } from "musketeers"; import x from "./nowhere.js"; export const t = task(() => x);`,
  "function.ts": `import { task } from "musketeers"; export const f = task(() => () => 1);`,
  "forever.ts": `import { task } from "musketeers"; export const f = task((n: number) => n === 1 ? new Promise<number>(() => {}) : n, { timeout: "300ms" });`,
};

async function setUp() {
  const home = await makeHome();
  for (const [name, text] of Object.entries(files)) await writeFile(join(home, name), text);
  const { line } = await startUp(home);
  return { home, invites: line, file: (name: string) => join(home, name) };
}

describe("from the command line", { timeout: 90_000 }, () => {
  test("each mistake has its code, status and words, and the hub goes on as before", async () => {
    const { home, invites, file } = await setUp();
    const cases: [what: string, args: string[], status: number, code: string, said: RegExp][] = [
      ["a file that is not there", ["run", file("nowhere.ts")], 3, "NOT_FOUND", /nowhere\.ts/],
      ["a file without a task", ["run", file("none.ts")], 2, "TASK_EXPORT_MISSING", /none\.ts/],
      [
        "an export that is not there",
        ["run", `${file("double.ts")}#twice`],
        2,
        "TASK_EXPORT_MISSING",
        /twice/,
      ],
      ["a file with two tasks", ["run", file("two.ts")], 2, "TASK_EXPORT_MISSING", /a.*b/],
      ["code that does not parse", ["run", file("syntax.ts")], 2, "BUNDLE_FAILED", /syntax\.ts:1/],
      ["an import of nothing", ["run", file("import.ts")], 2, "BUNDLE_FAILED", /nowhere\.js/],
      [
        "a role that may not submit",
        ["run", file("double.ts"), "--hub", invites.viewInvite],
        4,
        "FORBIDDEN",
        /viewer/,
      ],
      [
        "a submitter's invite for a worker",
        ["join", "--accept", invites.submitInvite],
        4,
        "FORBIDDEN",
        /submitter/,
      ],
      [
        "an invite that was cut",
        ["status", "--hub", invites.submitInvite.slice(0, -9)],
        4,
        "INVITE_MALFORMED",
        /invite/i,
      ],
      ["an unknown job", ["job", "nojob"], 3, "NOT_FOUND", /nojob/],
      ["results of an unknown job", ["results", "nojob"], 3, "NOT_FOUND", /nojob/],
      ["a profile that is not there", ["status", "--hub", "elsewhere"], 5, "NO_HUB", /elsewhere/],
      [
        "a port that is taken",
        ["up", "--memory", "--listen", new URL(invites.url).host],
        2,
        "ADDRESS_IN_USE",
        /\d+/,
      ],
      ["a data directory that is taken", ["up", "--listen", "127.0.0.1:0"], 2, "DATA_IN_USE", /data/],
      ["an address that is none", ["up", "--memory", "--listen", "here"], 2, "BAD_ARGUMENT", /here/],
    ];
    for (const [what, args, status, code, said] of cases) {
      const failed = await failureOf(home, args, "1\n");
      expect.soft([what, failed.status, failed.error.code, failed.stdout]).toEqual([what, status, code, ""]);
      expect.soft(`${what}: ${failed.error.message} ${failed.error.hint}`).toMatch(said);
    }
    const after = await musketeers(["run", file("double.ts"), "--values"], home, "21\n").ended;
    expect(after).toMatchObject({ status: 0, stdout: "42\n" });
  });

  test("an invite of which a letter was changed", async () => {
    const { home, invites } = await setUp();
    const { submitInvite: invite } = invites;
    // Letters all over the part behind the #, which holds keys, role, date and signature.
    const from = invite.indexOf("#") + 1;
    for (let at = from; at < invite.length; at += Math.ceil((invite.length - from) / 6)) {
      const altered = invite.slice(0, at) + (invite[at] === "A" ? "B" : "A") + invite.slice(at + 1);
      const { status, error } = await failureOf(home, ["status", "--wait", "5s", "--hub", altered]);
      expect([error.code, status]).toEqual([
        expect.stringMatching(/^(INVITE_MALFORMED|UNAUTHORIZED|HUB_IDENTITY)$/),
        4,
      ]);
    }
  });

  test("a result that is no data, and a task that never settles: the others are there", async () => {
    const { home, file } = await setUp();
    const results = async (name: string, input: string) => {
      const { status, stdout } = await musketeers(["run", file(name), "--ordered"], home, input).ended;
      return {
        status,
        lines: stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line)),
      };
    };
    expect(await results("function.ts", "1\n")).toMatchObject({
      status: 1,
      lines: [{ error: { kind: "unserializable", code: "INPUT_UNSERIALIZABLE" } }],
    });
    expect(await results("forever.ts", "0\n1\n2\n")).toMatchObject({
      status: 1,
      lines: [{ value: 0 }, { error: { kind: "timeout", code: "INPUT_TIMEOUT" } }, { value: 2 }],
    });
  });
});

describe("a hub that is not there", { timeout: 60_000 }, () => {
  async function goneHub(): Promise<{ invite: string; listen: string }> {
    const hub = await startHub({ listen: "127.0.0.1:0" });
    const invite = hub.invite({ role: "submitter" });
    await hub.close();
    return { invite, listen: new URL(hub.url).host };
  }

  test("is tried as long as was asked, and the error says which", async () => {
    const home = await makeHome();
    const { invite, listen } = await goneHub();
    const { status, error } = await failureOf(home, ["status", "--hub", invite, "--wait", "300ms"]);
    expect([status, error.code]).toEqual([5, "HUB_UNREACHABLE"]);
    expect(error.message).toContain(listen);
  });

  test("connectTimeoutMs: is given up after a while by itself, and at once where that was asked", async () => {
    const { invite } = await goneHub();
    const openSocket = openNodeSocket;
    const limits = { ...defaultLimits, connectTimeoutMs: 100 };
    const platform = { openSocket, loadTask: () => Promise.reject(new Error("not asked for")) };
    const unreachable = { code: "HUB_UNREACHABLE", message: expect.stringContaining("127.0.0.1") };
    await expect(connectTo(invite, {}, platform, limits)).rejects.toMatchObject(unreachable);
    await expect(connectTo(invite, { timeout: 0 }, platform)).rejects.toMatchObject(unreachable);
  });

  test("is told to people, and used as soon as it is there", async () => {
    const home = await makeHome();
    const data = join(home, "data");
    const first = await startHub({ listen: "127.0.0.1:0", data });
    const invite = first.invite({ role: "viewer" });
    await first.close();
    const status = musketeers(["status", "--hub", invite, "--wait", "forever"], home);
    await status.until(/trying again/, "stderr");
    const second = await startHub({ listen: new URL(first.url).host, data });
    onTestFinished(() => second.close());
    expect((await status.ended).status).toBe(0);
  });

  test("nor is anything that speaks otherwise at its address", async () => {
    const home = await makeHome();
    const { invite, listen } = await goneHub();
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end("220 mail.example.org ESMTP\r\n");
    });
    await new Promise<void>((resolve) => server.listen(Number(listen.split(":")[1]), "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { status, error } = await failureOf(home, ["status", "--hub", invite, "--wait", "500ms"]);
    expect([status, error.code]).toEqual([5, "HUB_UNREACHABLE"]);
  });
});

test("results of a cancelled job that come late change nothing", async () => {
  const { hub, cluster } = await testCluster();
  const job = await cluster.submit(nap, [1, 400]);
  await expect.poll(async () => (await job.status()).done).toBe(1);
  await job.cancel();
  const cancelled = await job.status();
  expect(cancelled).toMatchObject({ state: "cancelled", done: 1 });
  // The worker is free at once, and what it was in the middle of is not entered.
  expect(await cluster.run(nap, 500)).toBe(500);
  expect(await job.status()).toMatchObject({ state: "cancelled", done: 1 });
  expect(hub.coordinator.jobs.require(job.id).done).toBe(1);
});
