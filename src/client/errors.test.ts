import { expect, test } from "vitest";
import { TaskError } from "./errors.ts";

const failure = { kind: "error", name: "RangeError", message: "too far" } as const;

test("the stack is the task's, under the task's error", () => {
  const whole = "RangeError: too far\n    at task.ts:1:1";
  for (const stack of [whole, "    at task.ts:1:1"]) {
    expect(new TaskError({ ...failure, stack }, "w").stack).toBe(whole);
  }
  expect(new TaskError({ ...failure, stack: "" }, "w").stack).toBe("RangeError: too far");
});

test("making one leaves the stacks of others alone", () => {
  const before = Error.stackTraceLimit;
  new TaskError({ ...failure, stack: "" }, "w");
  expect(Error.stackTraceLimit).toBe(before);
});

test("it prints as data, with its code", () => {
  const error = new TaskError({ ...failure, kind: "timeout", stack: "", props: { limit: 3 } }, "w");
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({
    code: "INPUT_TIMEOUT",
    kind: "timeout",
    worker: "w",
  });
  expect(error.props).toEqual({ limit: 3 });
  expect(error).toBeInstanceOf(Error);
});

test.each([
  ["error", "JOB_FAILED_INPUTS"],
  ["timeout", "INPUT_TIMEOUT"],
  ["crash", "SANDBOX_CRASHED"],
  ["unserializable", "INPUT_UNSERIALIZABLE"],
  ["refused", "GRANT_REFUSED"],
  ["quarantined", "INPUT_QUARANTINED"],
  ["disputed", "INPUT_DISPUTED"],
  ["cancelled", "JOB_CANCELLED"],
] as const)("a failure of the kind %s has the code %s", (kind, code) => {
  expect(new TaskError({ ...failure, kind, stack: "" }, "w")).toMatchObject({ kind, code });
});

test("an error of the SDK's that a task threw keeps its code; a code that is none, or of another class, is not taken", () => {
  const thrown = {
    ...failure,
    name: "MusketeersError",
    stack: "at task.ts:1:1",
    props: { code: "INVALID_DATA" },
  };
  expect(new TaskError(thrown, "w").code).toBe("INVALID_DATA");
  expect(new TaskError({ ...thrown, props: { code: "constructor" } }, "w").code).toBe("JOB_FAILED_INPUTS");
  expect(new TaskError({ ...thrown, name: "Mine" }, "w").code).toBe("JOB_FAILED_INPUTS");
});
