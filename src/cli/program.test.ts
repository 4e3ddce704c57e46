import { describe, expect, test } from "vitest";
import { createProgram, runProgram, tellUnwritten } from "./program.ts";
import { FakeTerminal } from "./testing/terminal.ts";

async function run(...args: string[]): Promise<{ status: number; terminal: FakeTerminal }> {
  const terminal = new FakeTerminal();
  return { status: await runProgram(args, terminal), terminal };
}

const whole = await createProgram(new FakeTerminal());
const names = whole.commands.map((command) => command.name());

test("the commands that are promised", () => {
  expect(names.toSorted()).toEqual(
    "backup cancel car cat cid credit demo get health invite invites job jobs join journal login logs ls pause people prioritise project put results resume revoke rm run service simulate status top up worker workers".split(
      " ",
    ),
  );
});

describe.each(names)("%s", (name) => {
  test("has help with an example, and exits 0", async () => {
    const { status, terminal } = await run(name, "--help");
    expect(status).toBe(0);
    expect(terminal.stdout).toMatch(
      new RegExp(`^Usage: musketeers ${name} [\\s\\S]*Examples:\\n  \\$ (echo|seq|musketeers) `),
    );
    expect(terminal.stdout).toContain("--json");
    // One default at most, and none that is only a program's.
    expect(terminal.stdout).not.toMatch(/\(default:[^)]*\)\s+\(default:|\(default: (\[\]|\{\})\)/);
    expect(terminal.stderr).toBe("");
  });

  test("has help that fits a narrow terminal", async () => {
    const terminal = new FakeTerminal();
    terminal.outIsTTY = true;
    terminal.columns = 60;
    await runProgram([name, "--help"], terminal);
    const help = terminal.stdout.split("Examples:")[0]!;
    expect(help.split("\n").filter((line) => line.length > 60)).toEqual([]);
  });

  test("refuses an option that it does not have", async () => {
    const required = name === "invite" ? ["--role", "worker"] : [];
    const { status, terminal } = await run(name, ...required, "--no-such-option");
    expect(status).toBe(2);
    expect(terminal.stderr).toMatch(
      /^error: Unknown option '--no-such-option'\nhint: .*\ncode: {2}BAD_ARGUMENT/,
    );
    expect(terminal.stdout).toBe("");
  });
});

test("without a command there is help; the exit statuses are in it", async () => {
  const { status, terminal } = await run();
  expect(status).toBe(0);
  expect(terminal.stdout).toContain("Usage: musketeers");
  expect((await run("--help")).terminal.stdout).toContain("Exit status:");
});

test("commands that are not loaded stand in help as they are", async () => {
  const outline = await createProgram(new FakeTerminal(), () => false);
  expect(outline.helpInformation()).toBe(whole.helpInformation());
});

test.each([
  [
    ["help", "run"],
    ["run", "--help"],
  ],
  [
    ["help", "worker", "log"],
    ["worker", "log", "--help"],
  ],
  [["help"], ["--help"]],
  [["worker"], ["worker", "--help"]],
  [["car"], ["car", "--help"]],
])("%j is as good as %j", async (short, long) => {
  const { status, terminal } = await run(...short);
  expect(status).toBe(0);
  expect(terminal.stdout).toBe((await run(...long)).terminal.stdout);
});

test("help for what does not exist says so", async () => {
  const { status, terminal } = await run("help", "jion");
  expect([status, terminal.stderr]).toEqual([
    2,
    expect.stringMatching(/Unknown command 'jion'.*\n.*mean join\?/),
  ]);
});

test("the version", async () => {
  const { status, terminal } = await run("--version");
  expect([status, terminal.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
});

test("a misspelt command is guessed at", async () => {
  const { status, terminal } = await run("jion", "x");
  expect(status).toBe(2);
  expect(terminal.stderr).toContain("Did you mean join?");
});

test("inputs behind the file of a run: where they go", async () => {
  const { status, terminal } = await run("run", "square.ts#square", "1", "it's");
  expect([status, terminal.stderr]).toEqual([
    2,
    expect.stringContaining(
      "hint:  They come from a pipe or a file, one a line: printf '%s\\n' 1 'it'\\''s' | musketeers run square.ts#square.",
    ),
  ]);
});

test("an output that nobody can write to is told with its reason", async () => {
  const terminal = new FakeTerminal();
  const full = new Error("ENOSPC: no space left on device, write");
  expect(await tellUnwritten(full, ["ls"], terminal)).toBe(6);
  expect(terminal.stderr).toContain("The output cannot be written: ENOSPC: no space left");
});

test.each([
  [["up", "--workers", "many"], "--workers"],
  [["up", "--slots", "0"], "--slots"],
  [["invite", "--role", "king"], "--role"],
  [["invite", "--role", "worker", "--expires", "soon"], "--expires"],
  [["run", "x.ts", "--priority", "9"], "--priority"],
  [["join", "http://x/join#y", "--memory", "much"], "--memory"],
  [["invite"], "--role"],
  [["job"], "missing required argument"],
])("%j is wrong use, and says which part", async (args, part) => {
  const { status, terminal } = await run(...args, "--json");
  expect(status).toBe(2);
  const { error } = JSON.parse(terminal.stderr);
  expect(error.code).toBe("BAD_ARGUMENT");
  expect(error.message.toLowerCase()).toContain(part);
});

test("an invite that is none is refused before anything is started", async () => {
  const { status, terminal } = await run("login", "hello");
  expect([status, terminal.stderr]).toEqual([4, expect.stringContaining("INVITE_MALFORMED")]);
});

test("join without an invite says where invites come from", async () => {
  const { status, terminal } = await run("join");
  expect(status).toBe(2);
  expect(terminal.stderr).toContain("musketeers invite --role worker");
});
