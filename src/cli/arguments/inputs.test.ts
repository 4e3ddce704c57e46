import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FakeTerminal } from "../testing/terminal.ts";
import { type InputFormat, openInputs, parseInputs } from "./inputs.ts";

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const collect = (lines: readonly string[], format: InputFormat) => gather(parseInputs(lines, format));

test("JSON where the first line is JSON", async () => {
  expect(await collect(["2356", "", '{"a":1}', '"x"'], "auto")).toEqual([2356, { a: 1 }, "x"]);
});

test("text where it is not; then blank lines count", async () => {
  expect(await collect(["", "one", "", "2"], "auto")).toEqual(["one", "", "2"]);
});

test("a format that is named holds", async () => {
  expect(await collect(["1", "two"], "lines")).toEqual(["1", "two"]);
  await expect(collect(["1", "two"], "json")).rejects.toMatchObject({
    code: "BAD_ARGUMENT",
    message: "Line 2 of the inputs is no JSON",
  });
});

test("a later line that is no JSON is named, not guessed at", async () => {
  await expect(collect(["1", "two"], "auto")).rejects.toMatchObject({
    hint: expect.stringContaining("--format lines"),
  });
});

test("inputs are pulled, not gathered", async () => {
  let given = 0;
  function* endless() {
    for (;;) yield String(given++);
  }
  for await (const value of parseInputs(endless(), "auto")) if (value === 2) break;
  expect(given).toBeLessThan(5);
});

test("lines come from a file, whatever ends them", async () => {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-inputs-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const path = join(directory, "ids");
  await writeFile(path, "1\r\n2\n3");
  expect(await gather(openInputs(path, new FakeTerminal()))).toEqual(["1", "2", "3"]);
});

test("lines come from standard input", async () => {
  for (const path of ["-", undefined]) {
    expect(await gather(openInputs(path, new FakeTerminal("a\nb\n")))).toEqual(["a", "b"]);
  }
});

test("a person at a keyboard is told what is missing", () => {
  const terminal = new FakeTerminal();
  terminal.inputIsTTY = true;
  expect(() => openInputs(undefined, terminal)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
});

test("a file that cannot be read says so", async () => {
  const lines = openInputs(join(tmpdir(), "musketeers-no-such-file"), new FakeTerminal());
  await expect(gather(lines)).rejects.toMatchObject({
    code: "BAD_ARGUMENT",
    message: expect.stringContaining("ENOENT"),
  });
});
