import type { FailureKind } from "../../../../protocol/index.ts";
import { MISSING_MAX, MusketeersError } from "../../../../protocol/index.ts";

/** Outputs of maps that can be had nowhere; they will be made anew. */
export class MissingOutputs extends Error {
  override readonly name = "MissingOutputs";
  /** CIDs, as the column names them. */
  readonly missing: readonly string[];

  constructor(missing: readonly string[]) {
    super(`${missing.length} outputs of maps are gone`);
    this.missing = missing.slice(0, MISSING_MAX);
  }
}

/** What kind of failure it is when a stage throws this. */
export function failureKindOf(thrown: unknown): FailureKind {
  if (thrown instanceof MissingOutputs) return "missing";
  return thrown instanceof MusketeersError && thrown.code === "UNSERIALIZABLE" ? "unserializable" : "error";
}
