import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { musketeers } from "../support/program.ts";
import { runtimeImage } from "./base.ts";
import type { EngineAddress } from "./engine.ts";
import { docker, engineOf } from "./rig.ts";
import { messages, perl, type Scene, shell, startScene } from "./scene.ts";

/* Tasks that are containers, with a real engine: what they can do, what they cannot, and what goes wrong. */

async function scene(
  context: TestContext,
  allow: readonly string[] = [],
): Promise<Scene & { readonly engine: EngineAddress }> {
  const engine = engineOf(context);
  const image = await docker(engine, ["image", "inspect", "--format", "{{.Id}}", runtimeImage]);
  return { engine, ...(await startScene({ image, env: { DOCKER_HOST: engine.host }, allow })) };
}

test("lines: many inputs through one container, failures that it reports, and nothing left behind", async (context) => {
  const { engine, run, leave } = await scene(context);
  const squares = await run(perl('print $_ * $_, "\\n"'), [1, 2, 3, 40]);
  expect(squares.map(({ value }) => value)).toEqual([1, 4, 9, 1600]);
  const reported = await run(
    perl(
      'print $_ == 2 ? q({"$error":{"name":"Even","message":"two"}}) : $_, "\\n"; print STDERR "saw $_\\n"',
    ),
    [1, 2, 3],
  );
  expect(reported.map(({ value, error }) => value ?? `${error?.name}: ${error?.message}`)).toEqual([
    1,
    "Even: two",
    3,
  ]);
  await leave();
  expect(await docker(engine, ["ps", "--all", "--quiet", "--filter", "label=musketeers"])).toBe("");
});

test("files: one container for each input, with what it finds in /in and leaves in /out", async (context) => {
  const { run } = await scene(context);
  const definition = `mode: "files", ${shell("cat >/dev/null; tr a-z A-Z </in/text >/out/loud; wc -c </in/text")}`;
  const [answer] = await run(definition, [{ files: { text: "all for one" } }]);
  expect(answer).toMatchObject({ value: { value: 11 } });
  expect(JSON.stringify(answer)).toContain("loud");
  const failed = await run(`mode: "files", retries: 0, ${shell("echo no such luck >&2; exit 3")}`, [{}]);
  expect(messages(failed)).toEqual([expect.stringMatching(/status 3: no such luck/)]);
  const odd = await run(`mode: "files", retries: 0, ${shell("true")}`, [{ files: { "../x": "y" } }]);
  expect(messages(odd)).toEqual([expect.stringContaining("no name of a file")]);
});

test("a container has no network, no rights, no place to write, and no more than its share", async (context) => {
  const { run } = await scene(context);
  const look = [
    "id -u",
    "grep -c : /proc/net/dev",
    "grep CapEff /proc/self/status | cut -f2",
    "grep NoNewPrivs /proc/self/status | cut -f2",
    "touch /mine 2>/dev/null && echo writable || echo read-only",
    "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null | head -1",
    "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null | head -1",
    "ulimit -n",
    "df -k /tmp | awk 'NR == 2 { print $2 }'",
    "cat /proc/self/oom_score_adj",
  ].join("; ");
  const [answer] = await run(`mode: "files", memory: "96MB", ${shell(look)}`, [{}]);
  const { value } = answer!.value as { value: string };
  expect(value.trim().split("\n")).toEqual([
    "65534",
    "1",
    "0000000000000000",
    "1",
    "read-only",
    String(96 * 1024 * 1024),
    "256",
    "1024",
    String(1024 * 1024),
    "800",
  ]);
});

test("what breaks a container is told, costs its input alone, and is over in time", async (context) => {
  const { engine, run, leave } = await scene(context);
  const options = "maxAttempts: 1, retries: 0,";
  const garbage = await run(`${options} ${perl('print $_ == 2 ? "oops" : $_, "\\n"')}`, [1, 2, 3]);
  expect(garbage.map(({ value }) => value)).toEqual([1, undefined, 3]);
  expect(messages(garbage)[1]).toContain('It printed no JSON: "oops"');
  const chatter = await run(`${options} ${perl('print "$_\\n$_\\n"')}`, [7]);
  expect(chatter).toHaveLength(1);
  const gone = await run(`${options} ${perl('exit 4 if $_ == 1; print "$_\\n"')}`, [1]);
  expect(messages(gone)[0]).toContain("ended with status 4");
  // It does not care about being asked to end.
  const deaf = await run(
    `${options} timeout: "1s", ${shell("trap '' TERM INT; cat >/dev/null; while :; do sleep 1; done")}`,
    [1],
  );
  expect(messages(deaf)[0]).toContain("longer than 1000 ms");
  const eats = await run(
    `${options} memory: "32MB", ${perl('my $all = ""; $all .= "x" x 1000000 for 1 .. 500; print length $all, "\\n"')}`,
    [1],
  );
  expect(messages(eats)[0]).toMatch(/more than 32 MB|status 137/);
  const missing = await run(`${options} command: ["no-such-program"]`, [1]);
  expect(messages(missing)[0]).toMatch(/no such command|could not start/);
  await leave();
  expect(await docker(engine, ["ps", "--all", "--quiet", "--filter", "label=musketeers"])).toBe("");
});

test("an image that a volunteer has not allowed is asked for, and runs when it is granted by its digest", async (context) => {
  const { home, image, leave } = await scene(context, ["ask"]);
  const file = join(home, "task.ts");
  const text = `import { task } from "musketeers";\nexport const it = task.container({ image: "${image}", ${perl('print "$_\\n"')} });\n`;
  await writeFile(file, text);
  const { stdout, status, stderr } = await musketeers(["run", file, "--detach"], home, "1\n").ended;
  expect(status, stderr).toBe(0);
  const id = /\w{10,}/.exec(stdout)![0];
  const say = async (...args: string[]) => (await musketeers(args, home).ended).stdout;
  await expect
    .poll(() => say("job", id, "--json"), { timeout: 60_000 })
    .toMatch(/allows containers of sha256:\w+; 1 worker waits for the consent/);
  expect(await say("worker", "grant")).toContain(`containers of ${image}, without the network`);
  expect(await say("worker", "grant", `image:${image}`)).toContain("Granted");
  await expect.poll(() => say("job", id, "--json"), { timeout: 60_000 }).toMatch(/"state":"done"/);
  await leave();
});
