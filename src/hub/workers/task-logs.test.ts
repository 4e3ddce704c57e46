import { expect, test } from "vitest";
import { packRecords } from "../../protocol/index.ts";
import { TaskLogs } from "./task-logs.ts";

const packed = (...lines: string[]): Uint8Array =>
  packRecords(lines.map((line) => new TextEncoder().encode(line)));
const limits = { logLinesPerJobMax: 10, logLineBytesMax: 8, logBytesMax: 1_000_000 };
const linesOf = (logs: TaskLogs, job: string) => logs.of(job).map(({ line }) => line);

test("logLinesPerJobMax and logLineBytesMax: the oldest lines go, long ones are cut", () => {
  const logs = new TaskLogs(limits);
  for (let n = 0; n < 100; n++) logs.add("a", "pi", 0, packed(`line ${n}`));
  logs.add("b", "pi", 3, packed("a line that is too long"));
  expect(linesOf(logs, "a").length).toBeLessThanOrEqual(11);
  expect(linesOf(logs, "a").at(-1)).toBe("line 99");
  expect(linesOf(logs, "b")).toEqual(["a line t", "… 3 lines dropped: too much output"]);
  expect(linesOf(logs, "c")).toEqual([]);
  expect([...logs.latest("a", 2)].map(([number, { line }]) => [number, line])).toEqual([
    ["98", "line 98"],
    ["99", "line 99"],
  ]);
  expect(logs.latest("c", 2).size).toBe(0);
});

test("logBytesMax: the logs of the job go that was silent longest", () => {
  const logs = new TaskLogs({ ...limits, logBytesMax: 400 });
  for (const job of ["a", "b", "c"]) logs.add(job, "pi", 0, packed("x"));
  logs.add("a", "pi", 0, packed("y"));
  expect(["a", "b", "c"].map((job) => linesOf(logs, job).length)).toEqual([2, 0, 1]);
  logs.add("d", "pi", 0, packed("1", "2", "3", "4", "5", "6", "7", "8"));
  expect(["a", "b", "c"].map((job) => linesOf(logs, job).length)).toEqual([0, 0, 0]);
  expect(linesOf(logs, "d").at(-1)).toBe("8");
  logs.forget("d");
  logs.add("e", "pi", 0, packed("1", "2"));
  expect(linesOf(logs, "e")).toEqual(["1", "2"]);
});
