import { expect, test, vi } from "vitest";
import { FakeTerminal } from "../testing/terminal.ts";
import { Speed, TransferLine, transferText } from "./transfer.ts";

const MB = 1024 * 1024;
const state = { bytes: MB, bytesTotal: 4 * MB, files: 1, path: "books/alice.txt" };

test("a line says how much, how fast, how long still, and where", () => {
  const course = { elapsedMs: 2_000, perSecond: MB / 2, stillMs: 0 };
  expect(transferText(state, course, 100)).toBe(
    "██████·················· 25 %  1.0 MB of 4.0 MB  512 KB/s  6.0 s left  books/alice.txt",
  );
  expect(transferText(state, course, 60)).toBe(
    "██████·················· 25 %  1.0 MB of 4.0 MB  512 KB/s  6.0 s left  books/alice.txt".replace(
      "██████··················",
      "██······",
    ),
  );
});

test("where nothing moves that is said, in place of a speed that is none", () => {
  const text = transferText(state, { elapsedMs: 60_000, perSecond: 5, stillMs: 12_900 }, 100);
  expect(text).toContain("1.0 MB of 4.0 MB  nothing moved for 12 s  books");
  expect(text).not.toContain("left");
});

test("why nothing moves is said where it is known", () => {
  const course = { elapsedMs: 60_000, perSecond: 5, stillMs: 12_900 };
  const text = transferText({ ...state, waiting: "the hub's disk refuses" }, course, 100);
  expect(text).toContain("1.0 MB of 4.0 MB  the hub's disk refuses  books");
});

test("speed is what it was lately, not since the beginning", () => {
  const speed = new Speed(0);
  expect(speed.perSecond(0)).toBe(0);
  for (let s = 1; s <= 10; s++) speed.at(s * 1_000, s * 1_000);
  expect(speed.perSecond(10_000)).toBe(1_000);
  for (let s = 11; s <= 60; s++) speed.at(s * 1_000, 10_000 + (s - 10) * 10);
  expect(speed.perSecond(60_000)).toBe(10);
  speed.at(65_000, 10_500);
  expect(speed.stillMs(65_000)).toBe(5_000);
  expect(speed.perSecond(65_000)).toBeLessThan(10);
});

test("the line goes on telling the time where nothing comes, until it is taken away", () => {
  vi.useFakeTimers();
  try {
    const terminal = new FakeTerminal();
    terminal.errIsTTY = true;
    terminal.columns = 100;
    using line = new TransferLine(terminal, true);
    line.set(state);
    terminal.nowMs += 11_000;
    terminal.stderr = "";
    vi.advanceTimersByTime(1_000);
    expect(terminal.stderr).toContain("nothing moved for 11 s");
    line.clear();
    terminal.stderr = "";
    terminal.nowMs += 11_000;
    vi.advanceTimersByTime(5_000);
    expect(terminal.stderr).toBe("");
  } finally {
    vi.useRealTimers();
  }
});
