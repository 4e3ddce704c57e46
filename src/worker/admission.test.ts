import { expect, test } from "vitest";
import type { TaskSpec } from "../protocol/index.ts";
import { Admission, type Refusal } from "./admission.ts";
import type { Asks, Consent } from "./consent/index.ts";
import { FakeHub, fakeDescription, fakeTask } from "./testing/fake-hub.ts";

function admission(granted?: Asks) {
  const questions: Asks[] = [];
  const refusals: Refusal[] = [];
  const consent: Consent | undefined = granted && {
    granted,
    onChange: () => {},
    ask: ({ net, memoryBytes }) => void questions.push({ net, memoryBytes }),
  };
  const subject = new Admission({
    invite: new FakeHub().invite,
    description: { ...fakeDescription, allowNet: ["a.org"], memoryBytes: 1000 },
    ...(consent === undefined ? {} : { consent }),
    nowMs: () => 0,
    onRefused: (refusal) => refusals.push(refusal),
  });
  return { subject, questions, refusals };
}

const codeOf = (subject: Admission, change: Partial<TaskSpec>): string => {
  try {
    subject.admit({ ...fakeTask, ...change });
    return "admitted";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test("without anybody to ask, flags are the last word", () => {
  const { subject, refusals } = admission();
  expect(codeOf(subject, { net: ["a.org"], memoryBytes: 1000 })).toBe("admitted");
  expect(codeOf(subject, { net: ["b.org"] })).toBe("GRANT_REFUSED");
  expect(codeOf(subject, { memoryBytes: 1001 })).toBe("GRANT_REFUSED");
  expect(refusals.map(({ task, code }) => [task, code])).toEqual([
    ["f", "GRANT_REFUSED"],
    ["f", "GRANT_REFUSED"],
  ]);
});

test("what is not granted is asked for, and does not run", () => {
  const { subject, questions } = admission({ net: ["b.org"], memoryBytes: 500 });
  expect(subject.describe()).toMatchObject({ allowNet: ["a.org", "b.org"], memoryBytes: 500 });
  expect(codeOf(subject, { net: ["a.org", "b.org"], memoryBytes: 500 })).toBe("admitted");
  expect(codeOf(subject, { net: ["a.org", "c.org"] })).toBe("CONSENT_NEEDED");
  expect(codeOf(subject, { memoryBytes: 600 })).toBe("CONSENT_NEEDED");
  expect(questions).toEqual([
    { net: ["c.org"], memoryBytes: 0 },
    { net: [], memoryBytes: 600 },
  ]);
  // What the machine has not got, or its owner's --memory does not give, nobody can grant.
  expect(codeOf(subject, { memoryBytes: 1001 })).toBe("GRANT_REFUSED");
});

test("a hub is told that the volunteer was asked, and only then", () => {
  const { subject, questions } = admission({ net: [], memoryBytes: 0 });
  const ask = (change: Partial<TaskSpec>) =>
    subject.asked({ type: "ask", job: "j", task: { ...fakeTask, ...change } });
  expect(ask({ net: ["a.org"] })).toBe(false);
  expect(ask({ memoryBytes: 1001 })).toBe(false);
  expect(ask({ net: ["c.org"] })).toBe(true);
  expect(questions).toHaveLength(1);
});
