import process from "node:process";
import { expect, onTestFinished, test } from "vitest";
import { MemoryWatch, memoryProgram } from "./memory-watch.ts";

test("other systems than Linux are asked by their own programs", () => {
  expect(memoryProgram("linux")).toBeUndefined();
  const windows = memoryProgram("win32")!;
  expect(windows.args(42)).toContain("PID eq 42");
  for (const size of ["123,456 K", "123.456 K", "123\u00a0456 Ko"]) {
    expect(windows.read(`"deno.exe","42","Console","1","${size}"\r\n`)).toBe(123_456 * 1024);
  }
  expect(windows.read("INFO: No tasks are running which match the specified criteria.\r\n")).toBe(0);
  for (const platform of ["darwin", "freebsd"] as const) {
    expect(memoryProgram(platform)!.args(42)).toContain("42");
    expect(memoryProgram(platform)!.read("  2048\n")).toBe(2048 * 1024);
    expect(memoryProgram(platform)!.read("")).toBe(0);
  }
});

/** A program that says how much this process has, as `ps` does. */
const own = {
  command: process.execPath,
  args: (pid: number) => ["-e", `console.log(${pid} === ${process.pid} ? 2048 : 0)`],
  read: (stdout: string) => Number.parseInt(stdout, 10) * 1024,
};

test.each([["Linux", undefined] as const, ["others", own] as const])(
  "a process that has too much is noticed: %s",
  async (system, program) => {
    if (system === "Linux" && process.platform !== "linux") return;
    let over = () => {};
    const noticed = new Promise<void>((resolve) => {
      over = resolve;
    });
    const watch = new MemoryWatch(() => process.pid, 1024, 5, over, program);
    onTestFinished(() => watch.stop());
    await noticed;
    expect(watch.bytes).toBeGreaterThan(1024);
    if (program !== undefined) expect(watch.bytes).toBe(2048 * 1024);
  },
);
