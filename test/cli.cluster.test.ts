import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startExchange } from "../src/cli/demo/exchange.ts";
import { makeHome, musketeers, script, startUp } from "./support/program.ts";

const TIMEOUT_MS = 120_000;

const lines = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const tasks = `
import { task } from "musketeers";
export const square = task((x: number) => x * x);
export const picky = task((x: number) => {
  console.log("looking at", x);
  if (x % 3 === 0) throw new RangeError(\`\${x} is a multiple of three\`);
  return { x, when: new Date(0) };
});
`;

async function withTasks(): Promise<{ home: string; file: string }> {
  const home = await makeHome();
  const file = join(home, "tasks.ts");
  await writeFile(file, tasks);
  return { home, file };
}

describe("a cluster from the command line", { timeout: TIMEOUT_MS }, () => {
  test("up prints one line, writes a private profile, and leaves nothing behind", async () => {
    const home = await makeHome();
    const { up, line } = await startUp(home, ["--slots", "1"]);
    expect(line.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(line.joinCommand).toBe(`npx --yes ${line.url}/musketeers.tgz join '${line.joinInvite}'`);
    expect((await stat(join(home, "hubs.json"))).mode & 0o777).toBe(0o600);

    const status = await musketeers(["status", "--json"], home).ended;
    expect(JSON.parse(status.stdout)).toMatchObject({ hub: "local", workers: 1, slots: 1, jobsRunning: 0 });

    const ended = await up.stop("SIGINT");
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(await readFile(join(home, "hubs.json"), "utf8"))).toEqual({ hubs: {} });
    const refused = await musketeers(["status"], home).ended;
    expect(refused).toMatchObject({ status: 5, stderr: expect.stringContaining("code:  NO_HUB") });
  });

  test("people are told what to do next", async () => {
    const home = await makeHome();
    const up = musketeers(["up", "--listen", "127.0.0.1:0", "--workers", "0"], home);
    await up.until(/Ctrl-C stops the hub/);
    expect(up.stdout).toMatch(/npx --yes http:\S+\/musketeers\.tgz join 'http:\S+#\S+'/);
    expect(up.stdout).toMatch(/^ {2}http:\/\/127\.0\.0\.1:\d+\/#\S+$/m);
    for (const [command, hint] of [
      ["status", "musketeers invite --role worker"],
      ["workers", "No worker is connected"],
      ["jobs", "No job yet"],
      ["people", "Nobody is known yet"],
    ] as const) {
      expect(await musketeers([command], home).ended).toMatchObject({
        status: 0,
        stdout: expect.stringContaining(hint),
      });
    }
    const unknown = await musketeers(["people", "forgive", "nobody"], home).ended;
    expect(unknown.stderr).toContain("Nobody here is called nobody");
    expect(unknown.stderr).toContain("NOT_FOUND");
  });

  test("run maps lines, ordered and as they finish", async () => {
    const { home, file } = await withTasks();
    await startUp(home);
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    const input = numbers.join("\n");
    const ordered = await musketeers(["run", `${file}#square`, "--ordered", "--values"], home, input).ended;
    expect(ordered).toMatchObject({ status: 0, stdout: `${numbers.map((x) => x * x).join("\n")}\n` });

    const loose = await musketeers(["run", `${file}#square`], home, input).ended;
    const pairs = lines(loose.stdout).map((line) => [line.input, line.value] as [number, number]);
    expect(pairs.sort(([left], [right]) => left - right)).toEqual(numbers.map((x) => [x, x * x]));
    expect(loose.stderr).toMatch(/^square: 500 inputs in /);
  });

  test("failing inputs are results, and the exit status says so", async () => {
    const { home, file } = await withTasks();
    await startUp(home);
    const ended = await musketeers(["run", `${file}#picky`, "--ordered"], home, "1\n2\n3\n").ended;
    expect(ended.status).toBe(1);
    const [one, , three] = lines(ended.stdout);
    expect(one).toEqual({ input: 1, value: { x: 1, when: "1970-01-01T00:00:00.000Z" } });
    expect(three).toMatchObject({
      input: 3,
      error: { name: "RangeError", kind: "error", stack: expect.stringContaining("tasks.ts:6") },
    });
    expect(ended.stderr).toContain("1 of 3 inputs failed:\n  1 ×  RangeError: 3 is a multiple of three\n");
  });

  test("a detached job is looked at, collected, and its output read", async () => {
    const { home, file } = await withTasks();
    await startUp(home);
    const inputs = join(home, "inputs");
    await writeFile(inputs, "1\n2\n3\n");
    const detached = await musketeers(["run", `${file}#picky`, "--inputs", inputs, "--detach"], home).ended;
    expect(detached.status).toBe(0);
    const id = detached.stdout.trim();

    const results = await musketeers(["results", id, "--ordered"], home).ended;
    expect(results.status).toBe(1);
    expect(lines(results.stdout).map((line) => line.index)).toEqual([0, 1, 2]);

    const job = JSON.parse((await musketeers(["job", id, "--json"], home).ended).stdout);
    expect(job).toMatchObject({
      job: id,
      title: "picky",
      state: "done",
      done: 3,
      failed: 1,
      perWorker: { local: 3 },
    });
    expect((await musketeers(["job", id], home).ended).stdout).toMatch(/1 × {2}RangeError: # is a multiple/);
    expect((await musketeers(["logs", id], home).ended).stdout).toContain("looking at 2");
    expect((await musketeers(["jobs"], home).ended).stdout).toContain(id);
  });

  test("a job that nobody can serve waits, says why, is paused and cancelled", async () => {
    const { home, file } = await withTasks();
    await startUp(home, ["--workers", "0"]);
    const detached = await musketeers(["run", `${file}#square`, "--detach"], home, "1\n").ended;
    const id = detached.stdout.trim();
    expect((await musketeers(["job", id], home).ended).stdout).toMatch(/^state +waiting: \S/m);
    const paused = await musketeers(["pause", id], home).ended;
    expect(paused).toMatchObject({ status: 0, stdout: expect.stringContaining(`${id} is paused`) });
    const prior = await musketeers(["prioritise", id, "--json", "--", "-3"], home).ended;
    expect(JSON.parse(prior.stdout)).toMatchObject({ job: id, paused: true, priority: -3 });
    const resumed = await musketeers(["resume", id, "--json"], home).ended;
    expect(JSON.parse(resumed.stdout)).toMatchObject({ paused: false, priority: -3 });
    const cancelled = await musketeers(["cancel", id, "--json"], home).ended;
    expect(JSON.parse(cancelled.stdout)).toMatchObject({ job: id, state: "cancelled" });
    const results = await musketeers(["results", id], home).ended;
    expect(results).toMatchObject({ status: 7, stderr: expect.stringContaining("JOB_CANCELLED") });
  });

  test("a worker joins by its invite, says so, and leaves on Ctrl-C", async () => {
    const { home, file } = await withTasks();
    const { line } = await startUp(home, ["--workers", "0"]);
    const worker = musketeers(
      ["join", "--accept", line.joinInvite, "--name", "porthos", "--slots", "2"],
      home,
    );
    await worker.until(/Joined local as porthos: 2 slots/);
    const shown = await musketeers(["workers"], home).ended;
    expect(shown.stdout).toMatch(/^porthos .* 0\/2 /m);
    const ran = await musketeers(["run", `${file}#square`, "--values"], home, "7\n").ended;
    expect(ran.stdout).toBe("49\n");
    const left = await worker.stop("SIGINT");
    expect(left).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("Left. 1 input done. Thank you."),
    });
    expect((await musketeers(["workers", "--json"], home).ended).stdout).toBe("[]\n");
  });

  test("invites open what their role allows, and no more", async () => {
    const home = await makeHome();
    const guest = await makeHome();
    const { line } = await startUp(home, ["--workers", "0"]);
    const login = await musketeers(["login", line.viewInvite, "--name", "lab", "--json"], guest).ended;
    expect(JSON.parse(login.stdout)).toEqual({ name: "lab", url: line.url, role: "viewer" });
    expect((await musketeers(["status", "--hub", "lab"], guest).ended).status).toBe(0);
    const refused = await musketeers(["invite", "--role", "admin", "--json"], guest).ended;
    expect(refused.status).toBe(4);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: "FORBIDDEN" } });

    const made = await musketeers(["invite", "--role", "worker", "--expires", "1h"], home).ended;
    expect(made.stdout).toMatch(/^npx --yes \S+ join 'http\S+#\S+'\n$/);
    expect((await musketeers(["login", line.joinInvite], guest).ended).status).toBe(4);
  });

  test("the hub's address shows a page without inline code", async () => {
    const home = await makeHome();
    const { line } = await startUp(home, ["--workers", "0"]);
    const page = await fetch(line.url);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toMatch(/default-src 'none'.*script-src 'self'/);
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    for (const kind of ["svg", "css", "js"]) {
      expect(
        files.filter((file) => file.endsWith(`.${kind}`)),
        kind,
      ).not.toEqual([]);
    }
    for (const file of files) expect((await fetch(new URL(file, line.url))).status, file).toBe(200);
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|style=|<style/);
  });

  test("the hub hands out itself", async () => {
    const home = await makeHome();
    const { line } = await startUp(home, ["--workers", "0"]);
    const response = await fetch(`${line.url}/musketeers.tgz`);
    expect(response.status).toBe(200);
    expect(new Uint8Array(await response.arrayBuffer()).subarray(0, 2)).toEqual(new Uint8Array([0x1f, 0x8b]));
  });

  test("two hubs cannot have one port", async () => {
    const home = await makeHome();
    const { line } = await startUp(home, ["--workers", "0"]);
    const args = ["up", "--json", "--listen", new URL(line.url).host, "--data", join(home, "other")];
    const second = await musketeers(args, home).ended;
    expect(second.status).toBe(2);
    expect(JSON.parse(second.stderr)).toMatchObject({ error: { code: "ADDRESS_IN_USE" } });
  });

  test("the examples run", async () => {
    const home = await makeHome();
    const exchange = await startExchange(1);
    onTestFinished(() => exchange.close());
    await startUp(home, ["--allow-net", exchange.host]);

    const hello = await script(["examples/hello.ts"], home).ended;
    expect(hello).toMatchObject({ status: 0, stderr: "" });
    expect(hello.stdout.split("\n").slice(0, 2)).toEqual(["All for one, you!", "All for one, d'Artagnan!"]);
    expect(hello.stdout).toContain("All for one, Porthos!  (Porthos, on local)");

    const words = await script(["examples/wordcount-per-word.ts", "LICENSE"], home).ended;
    expect(words.stdout).toMatch(/^\d{4} words, \d+ distinct, \d+ words a second\nthe \d+ {2}/);

    const site = new URL(".", exchange.pageUrl(1)).href;
    const args = [
      "examples/stocks/main.ts",
      "--site",
      site,
      "--rows",
      "table.daily tbody tr",
      "1101",
      "7",
      "1301",
    ];
    const stocks = await script(args, home).ended;
    expect(stocks.stdout.split("\n").map((row) => row.split("\t")[0])).toEqual(["1101", "1301", ""]);
    expect(stocks.stderr.startsWith(`7: ${site}7 answered 404\n`)).toBe(true);
    expect(stocks.stderr).toMatch(/^local fetched 3$/m);
  });
});
