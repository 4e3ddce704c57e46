import type { Scenario } from "../types.ts";

/** Several scenarios that differ in one thing, so that a question can be answered. */
export interface Study {
  readonly name: string;
  /** The question, and what to look at. */
  readonly description?: string;
  /** Each with a name of its own. */
  readonly cases: readonly Scenario[];
}

/** A study, or one scenario as a study of one case. */
export const studyOf = (given: Study | Scenario): Study =>
  "cases" in given
    ? given
    : {
        name: given.name,
        ...(given.description === undefined ? {} : { description: given.description }),
        cases: [given],
      };
