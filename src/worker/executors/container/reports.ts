import {
  decodeResumed,
  eachRecord,
  encodeFailure,
  type FailureMark,
  fingerprint,
  isResumed,
  packRecords,
} from "../../../protocol/index.ts";
import type { SandboxResults } from "../port.ts";

/** The inputs of a block; a container cannot go on from a state, so it begins anew. */
export const inputsOf = (block: Uint8Array): Uint8Array[] =>
  [...eachRecord(block)].map((record) => (isResumed(record) ? decodeResumed(record).input : record).slice());

/** The result of one input. */
export type Outcome = { readonly record: Uint8Array } | { readonly failure: Error };

/** Results of consecutive inputs, as agents take them. */
export function report(outcomes: readonly Outcome[], elapsedMs: number): SandboxResults {
  const failures: FailureMark[] = [];
  const records = outcomes.map((outcome, at) => {
    if ("record" in outcome) return outcome.record;
    const { name, message } = outcome.failure;
    const data = { kind: "error", name, message, stack: "" } as const;
    failures.push({ at, kind: data.kind, fingerprint: fingerprint(data) });
    return encodeFailure(data);
  });
  return { count: outcomes.length, block: packRecords(records), failures, elapsedMs };
}

/** A failure with a name of its own. */
export function failureNamed(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}
