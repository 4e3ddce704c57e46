import { expect, test } from "vitest";
import type { Assignment, OutcomeLine } from "./assignment.ts";
import { Findings, Transcript } from "./transcript.ts";

const assignment: Assignment = {
  name: "mapper/failing",
  client: "mapper",
  task: "failing",
  way: "map",
  count: 5,
  ordered: false,
};

const failure = { kind: "error", name: "RangeError", message: "no 3 today" };

const rightOutcomes: readonly OutcomeLine[] = [0, 1, 2, 3, 4].map((index) => ({
  type: "outcome",
  name: assignment.name,
  index,
  worker: "w1",
  ...(index === 3 ? { error: failure } : { value: [index, -index] }),
}));

function audit(outcomes: readonly OutcomeLine[], change: Partial<Assignment> = {}, whole = true) {
  const transcript = new Transcript({ ...assignment, ...change });
  for (const outcome of outcomes) transcript.add(outcome);
  const findings = new Findings();
  transcript.audit(findings, whole, "a test");
  const { lost, doubled, wrong, notes } = findings;
  expect(notes.length > 0).toBe(!findings.clean);
  return [lost, doubled, wrong];
}

const changed = (index: number, change: object) =>
  rightOutcomes.map((outcome) => (outcome.index === index ? { ...outcome, ...change } : outcome));

test("right outcomes in any order are right", () => {
  expect(audit(rightOutcomes.toReversed())).toEqual([0, 0, 0]);
});

test("what is missing is lost, unless the reading was broken off", () => {
  expect(audit(rightOutcomes.slice(2))).toEqual([2, 0, 0]);
  expect(audit(rightOutcomes.slice(2), {}, false)).toEqual([0, 0, 0]);
});

test("what comes twice is doubled", () => {
  expect(audit([...rightOutcomes, rightOutcomes[1]!])).toEqual([0, 1, 0]);
});

test.each([
  ["another value", 1, { value: [1, 1] }],
  ["an error instead of a value", 1, { value: undefined, error: failure }],
  ["a value instead of an error", 3, { value: [3, -3], error: undefined }],
  ["another kind of error", 3, { error: { ...failure, kind: "crash" } }],
  ["another message", 3, { error: { ...failure, message: "no 4 today" } }],
])("%s is wrong", (_what, index, change) => {
  expect(audit(changed(index, change))).toEqual([0, 0, 1]);
});

test("what is out of order or out of range is wrong", () => {
  expect(audit(rightOutcomes.toReversed(), { ordered: true })[2]).toBeGreaterThan(0);
  expect(audit([...rightOutcomes, { ...rightOutcomes[0]!, index: 6, value: [6, -6] }])).toEqual([0, 0, 1]);
});
