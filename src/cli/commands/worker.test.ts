import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runProgram } from "../program.ts";
import { FakeTerminal } from "../testing/terminal.ts";

test("where no worker runs nobody is said to work", async () => {
  const home = await mkdtemp(join(tmpdir(), "musketeers-worker-"));
  try {
    const terminal = new FakeTerminal();
    terminal.env = { MUSKETEERS_HOME: home };
    expect(await runProgram(["worker", "status"], terminal)).toBe(0);
    expect(terminal.stdout).toBe(
      "Not paused, but no worker of yours runs here: `musketeers join` starts one.\n",
    );
    terminal.stdout = "";
    await runProgram(["worker", "pause"], terminal);
    expect(terminal.stdout).toContain("Paused");
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 10 });
  }
});
