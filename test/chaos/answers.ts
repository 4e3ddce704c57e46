import { createHash } from "node:crypto";
import type { Outcome } from "../../src/client/index.ts";
import type { Assignment, OutcomeLine } from "./assignment.ts";

/** What must come of one input: a value, or an error of some kind with a name and a message. */
export type Answer =
  | { readonly value: unknown }
  | { readonly kinds: readonly string[]; readonly name?: string; readonly message?: string };

/** Values over this length are told by their digest. */
const TOLD_LENGTH_MAX = 200;

const digest = (value: unknown): unknown =>
  typeof value === "string" && value.length > TOLD_LENGTH_MAX
    ? { length: value.length, sha256: createHash("sha256").update(value).digest("hex") }
    : value;

export function outcomeLine(name: string, { index, worker, value, error }: Outcome<unknown>): OutcomeLine {
  const told =
    error === undefined
      ? { value: digest(value) }
      : { error: { kind: error.kind, name: error.name, message: error.message } };
  return { type: "outcome", name, index, worker, ...told };
}

export const largeInput = (n: number): string => "?".repeat(n % 2 === 0 ? 10 : 70_000 + n);

/** The answers, worked out here and not by the tasks' code. */
export function answerOf(task: Assignment["task"], n: number): Answer {
  switch (task) {
    case "cheap":
      return { value: n + n + n + 1 };
    case "slow":
      return { value: { n, square: n ** 2 } };
    case "large": {
      const given = n % 2 === 0 ? 10 : 70_000 + n;
      return { value: digest(`${given}:${Array(10_001 + n).join("abcdefg")}`) };
    }
    case "failing":
      if ((n + 4) % 7 === 0) return { kinds: ["error"], name: "RangeError", message: `no ${n} today` };
      if ((n + 6) % 11 === 0) {
        return { kinds: ["error"], name: "TypeError", message: `${n} is of the wrong sort` };
      }
      return { value: [n, 0 - n] };
    case "flaky":
      return { value: `done ${n}` };
    case "hungry":
      return [2, 7].includes(n % 10) ? { kinds: ["crash", "quarantined"] } : { value: `${n} had enough` };
  }
}

const canonical = (value: unknown): string => JSON.stringify(value, (_key, part) => sorted(part));

const sorted = (part: unknown): unknown =>
  typeof part === "object" && part !== null && !Array.isArray(part)
    ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
    : part;

/** Whether an outcome is the answer; says what is wrong otherwise. */
export function wrongness({ task }: Pick<Assignment, "task">, outcome: OutcomeLine): string | undefined {
  const answer = answerOf(task, outcome.index);
  const { error, value } = outcome;
  if ("value" in answer) {
    if (error !== undefined) return `failed as ${error.kind}: ${error.name}: ${error.message}`;
    if (canonical(value) === canonical(answer.value)) return undefined;
    return `gave ${canonical(value)} instead of ${canonical(answer.value)}`;
  }
  if (error === undefined) return `gave ${canonical(value)} instead of failing`;
  const { kinds, name = error.name, message = error.message } = answer;
  const right = kinds.includes(error.kind) && error.name === name && error.message === message;
  return right ? undefined : `failed as ${error.kind}: ${error.name}: ${error.message}`;
}
