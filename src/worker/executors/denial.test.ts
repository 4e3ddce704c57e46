import fc from "fast-check";
import { expect, test } from "vitest";
import { denialBy, denialIn } from "./denial.ts";

const line = (permission: unknown, value: unknown) => JSON.stringify({ v: 1, permission, value });

test.each<[permission: string, value: string | null, granted: string[], denied: string | undefined]>([
  ["read", "/etc/passwd", [], "read /etc/passwd"],
  ["write", null, ["*"], "write "],
  ["net", "127.0.0.1:80", [], "net 127.0.0.1:80"],
  ["net", "127.0.0.1:80", ["*"], "net 127.0.0.1:80"],
  ["net", "http://10.0.0.1:4444/x", ["*"], "net 10.0.0.1:4444"],
  ["net", "https://example.org/", [], "net example.org:443"],
  ["net", "http://[::1]/", [], "net [::1]:80"],
  ["net", "example.org:443", ["example.org"], undefined],
  ["net", "https://example.org/", ["*"], undefined],
  ["net", "example.org:80", ["example.org:443"], "net example.org:80"],
  ["env", "A\u001b[31m\u202eB", [], "env A[31mB"],
])("a check of %s %j under %j", (permission, value, granted, denied) => {
  const denial = denialIn(line(permission, value), granted);
  expect(denial && `${denial.permission} ${denial.target}`).toBe(denied);
  if (denial !== undefined) expect(denial.by).toBe("sandbox");
});

test("what is no line of the record is nothing, and nothing is long", () => {
  for (const text of ["", "{", "null", "[]", line(5, "x"), '"net"'])
    expect(denialIn(text, [])).toBeUndefined();
  fc.assert(fc.property(fc.string(), (text) => void denialIn(text, ["*"])));
  expect(denialIn(line("read", "x".repeat(10_000)), [])?.target).toHaveLength(200);
});

test("a task's own error names what it was denied, also as the cause of another", () => {
  const stack = "";
  const name = "NotCapable";
  expect(denialBy({ name, message: 'Requires run access to "/bin/true", run again', stack })).toEqual({
    permission: "run",
    target: "/bin/true",
    by: "task",
  });
  expect(denialBy({ name, message: "Requires env access, run again", stack })).toMatchObject({ target: "" });
  expect(denialBy({ name, message: "something else", stack })).toMatchObject({ permission: "other" });
  const cause = 'at f (a.ts:1:1)\nCaused by NotCapable: Requires net access to "10.0.0.1:80", run again';
  expect(denialBy({ name: "TypeError", message: "fetch failed", stack: cause })).toMatchObject({
    permission: "net",
    target: "10.0.0.1:80",
  });
  expect(denialBy({ name: "Error", message: "Requires net access", stack })).toBeUndefined();
});
