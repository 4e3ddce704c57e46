import { expect, test } from "vitest";
import { TaskError } from "./errors.ts";
import { hintFor } from "./task-hints.ts";

const net = (address: string) => `Requires net access to "${address}", run again with the --allow-net flag`;

test.each([
  ["error", "NotCapable", net("example.org:443"), 'net: ["example.org"]'],
  ["error", "NotCapable", net("[::1]:80"), 'net: ["[::1]"]'],
  ["error", "NotCapable", 'Requires read access to "/etc/passwd", run again with …', "docs/data.md"],
  ["crash", "Crash", "It used more than 512 MB of memory", "--memory 2GB"],
  ["quarantined", "Quarantined", "given up …; the last time: It used more than 512 MB of memory", "memory:"],
  ["timeout", "TimeoutError", "It took longer than 2000 ms", "timeout:"],
  ["unserializable", "Unserializable", "This value cannot be sent", "return data"],
  ["error", "TaskUnknown", "The bundle has no task site:a.ts#0", "above it"],
] as const)("%s %s: %s", (kind, name, message, part) => {
  expect(hintFor({ kind, name, message })).toContain(part);
  expect(new TaskError({ kind, name, message, stack: "" }, "w").hint).toContain(part);
});

test("what the SDK refused in a task says itself what to do", () => {
  const failure = { kind: "error", name: "MusketeersError", message: "the bytes at 1 are no UTF-8" } as const;
  const hint = "Read it with { lossy: true }";
  expect(hintFor({ ...failure, props: { code: "INVALID_DATA", hint } })).toBe(hint);
  expect(hintFor({ ...failure, kind: "unserializable", props: { code: "UNSERIALIZABLE", hint } })).toBe(hint);
  const stack = "MusketeersError: …\n    at map";
  const props = { code: "INVALID_DATA", hint };
  expect(new TaskError({ ...failure, stack, props }, "w")).toMatchObject({ code: "INVALID_DATA", hint });
  expect(hintFor({ ...failure, name: "Error", props: { code: "INVALID_DATA", hint } })).toBe("");
});

test("what the task threw is its own matter", () => {
  expect(hintFor({ kind: "error", name: "RangeError", message: "odd" })).toBe("");
});
