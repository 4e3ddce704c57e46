import { expect, test } from "vitest";
import { FakeTerminal } from "../testing/terminal.ts";
import { LiveLine, progressText } from "./progress.ts";

test("a line says how far, how fast and how long still", () => {
  const text = progressText({ done: 50, failed: 2, size: 200, sealed: true, workers: 4 }, 10_000, 100);
  expect(text).toBe("██████·················· 25 %  50/200  2 failed  5.0/s  30.0 s left  4 workers");
});

test("where more inputs may come there is no share and no end", () => {
  expect(progressText({ done: 5, failed: 0, size: 9, sealed: false }, 1_000, 80)).toBe("…  5/9+  5.0/s");
});

test("where the terminal is narrow the bar is shorter, and the figures stand whole", () => {
  const state = { done: 12, failed: 0, size: 384, sealed: true };
  const text = progressText(state, 3_000, 60);
  expect(text).toBe("▌··············· 3 %  12/384  4.0/s  1 min 33 s left");
  expect(progressText(state, 3_000, 40)).toBe("▎······· 3 %  12/384  4.0/s  1 min 33 s left");
});

test("what a job waits for stands in place of its speed", () => {
  const state = { done: 0, failed: 0, size: 9, sealed: true, waiting: "no worker allows net" };
  expect(progressText(state, 5_000, 80)).toContain("0/9  no worker allows net");
});

test("no inputs at all are all of them", () => {
  expect(progressText({ done: 0, failed: 0, size: 0, sealed: true }, 0, 80)).toContain("0/0");
});

test("the live line is redrawn a few times a second, and out of the way of other output", () => {
  const terminal = new FakeTerminal();
  terminal.errIsTTY = true;
  terminal.columns = 6;
  const line = new LiveLine(terminal);
  line.set("12345678");
  line.set("changed");
  expect(terminal.stderr).toBe("\r\u001b[2K12345");
  terminal.stderr = "";
  line.above(() => terminal.out("result\n"));
  expect(terminal.stdout).toBe("result\n");
  expect(terminal.stderr).toBe("\r\u001b[2K\r\u001b[2Kchang");
  terminal.nowMs += 1_000;
  terminal.stderr = "";
  line.set("later");
  line.clear();
  line.clear();
  expect(terminal.stderr).toBe("\r\u001b[2Klater\r\u001b[2K");
});

test("without a terminal nothing is drawn", () => {
  const terminal = new FakeTerminal();
  const line = new LiveLine(terminal);
  line.set("x");
  line.above(() => terminal.out("result\n"));
  line.clear();
  expect([terminal.stderr, terminal.stdout]).toEqual(["", "result\n"]);
});
