import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { TaskError } from "../client/index.ts";
import { MusketeersError } from "../protocol/index.ts";
import { describeFailure, ExitStatus } from "./failure.ts";
import { styleFor } from "./render/style.ts";

const plain = { json: false, verbose: false, style: styleFor(false, {}) };

test("an error for people: what, what to do, its code", () => {
  const error = new MusketeersError("NO_HUB", "No hub is known here", { hint: "Start one." });
  expect(describeFailure(error, plain)).toEqual({
    text: "error: No hub is known here\nhint:  Start one.\ncode:  NO_HUB (exit status 5)\n",
    status: 5,
  });
});

test("what a stranger's worker says of a failure gives the terminal no orders", () => {
  const failure = {
    kind: "error",
    name: "MusketeersError",
    message: "\u001b[2Jgone\u009b",
    stack: "MusketeersError: \u001b[2Jgone\n    at map (a.ts:1:1)",
    props: { code: "INVALID_DATA", hint: "\u001b]0;mine\u0007" },
  } as const;
  for (const verbose of [false, true]) {
    const { text } = describeFailure(new TaskError(failure, "w"), { ...plain, verbose });
    expect(text).toContain("gone");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  }
});

test("an error for programs is one object", () => {
  const { text, status } = describeFailure(new MusketeersError("NOT_FOUND", "no job 7"), {
    ...plain,
    json: true,
  });
  expect(JSON.parse(text)).toMatchObject({
    error: { code: "NOT_FOUND", message: "no job 7", retryable: false },
  });
  expect(status).toBe(3);
});

test("what a task threw is no bug of ours: its error, its stack, its code", () => {
  const failure = {
    kind: "error",
    name: "RangeError",
    message: "too far",
    stack: "RangeError: too far\n    at map (a.ts:3:1)",
  } as const;
  expect(describeFailure(new TaskError(failure, "w"), plain)).toEqual({
    text: "error: RangeError: too far\n    at map (a.ts:3:1)\nhint:  The task threw it: its stack, if it has one, says where.\ncode:  JOB_FAILED_INPUTS (exit status 1)\n",
    status: 1,
  });
  const large = {
    kind: "crash",
    name: "Crashed",
    message: "It used more than 48 MB of memory",
    stack: "",
  } as const;
  const told = describeFailure(new TaskError(large, "w"), plain);
  expect([told.status, told.text]).toEqual([1, expect.stringContaining("--memory 2GB")]);
  expect(told.text).toContain("SANDBOX_CRASHED");
  const json = describeFailure(new TaskError(large, "w"), { ...plain, json: true }).text;
  expect(JSON.parse(json)).toMatchObject({
    error: { code: "SANDBOX_CRASHED", hint: expect.stringContaining("memory") },
  });
});

test("what nobody expected shows its stack only when asked", () => {
  const bug = new TypeError("x is not a function");
  expect(describeFailure(bug, plain)).toMatchObject({
    status: 70,
    text: expect.not.stringContaining(" at "),
  });
  expect(describeFailure(bug, plain).text).toContain("INTERNAL");
  expect(describeFailure(bug, { ...plain, verbose: true }).text).toContain("failure.test.ts");
});

test("wrong use has status 2, help none", () => {
  const wrong = new CommanderError(
    1,
    "commander.unknownCommand",
    "error: unknown command 'jion'\n(Did you mean join?)",
  );
  expect(describeFailure(wrong, plain)).toEqual({
    text: "error: Unknown command 'jion'\nhint:  Did you mean join? `musketeers --help` says what there is.\ncode:  BAD_ARGUMENT (exit status 2)\n",
    status: 2,
  });
  const unknown = new CommanderError(1, "commander.unknownOption", "error: unknown option '--nope'");
  expect(describeFailure(unknown, { ...plain, command: "up" }).text).toContain(
    "hint:  `musketeers up --help` says what there is.\n",
  );
  expect(describeFailure(new CommanderError(0, "commander.helpDisplayed", "(outputHelp)"), plain)).toEqual({
    text: "",
    status: 0,
  });
});

test("a command that already said everything only has a status", () => {
  expect(describeFailure(new ExitStatus(1), plain)).toEqual({ text: "", status: 1 });
});

test("colours are for terminals that want them", () => {
  const red = "\u001b[31mx\u001b[39m";
  expect(styleFor(true, {}).bad("x")).toBe(red);
  expect(styleFor(true, { NO_COLOR: "1" }).bad("x")).toBe("x");
  expect(styleFor(true, { TERM: "dumb" }).bad("x")).toBe("x");
  expect(styleFor(false, {}).bad("x")).toBe("x");
  expect(styleFor(false, { FORCE_COLOR: "1" }).bad("x")).toBe(red);
});
