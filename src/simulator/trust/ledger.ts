import type { Accepted, Ranges } from "../../protocol/index.ts";
import { eachInput } from "../checks/records.ts";
import type { JobPlan } from "../plan.ts";
import type { Conduct, TrustTally } from "../types.ts";

export const conducts: readonly Conduct[] = ["honest", "liar", "colluder", "sleeper"];
export type Way = Exclude<Accepted, "single">;
const ways: readonly Way[] = ["quorum", "trust", "trusted"];

/** A number for each kind of people. */
export const byConduct = <T>(of: (conduct: Conduct) => T): Record<Conduct, T> => ({
  honest: of("honest"),
  liar: of("liar"),
  colluder: of("colluder"),
  sleeper: of("sleeper"),
});

/** How the results of one job with a quorum came to be believed, and whose the wrong ones are. */
export class Ledger {
  readonly plan: JobPlan;
  /** By input: the way in which its value was accepted, from 1, and five times who gave it, from 1, if it is wrong. */
  readonly #entries: Uint8Array;
  answers = 0;
  disputed = 0;
  rerun = 0;

  constructor(plan: JobPlan) {
    this.plan = plan;
    this.#entries = new Uint8Array(plan.inputs);
  }

  /** @param wrong who gave it, if it is wrong */
  accepted(input: number, way: Way, wrong: Conduct | undefined): void {
    this.#entries[input] =
      1 + ways.indexOf(way) + 5 * (wrong === undefined ? 0 : 1 + conducts.indexOf(wrong));
  }

  /** Results that a crash took with it. */
  forget(ranges: Ranges): void {
    for (const input of eachInput(ranges)) this.#entries[input] = 0;
  }

  tally(): TrustTally {
    const accepted = { quorum: 0, trust: 0, trusted: 0 };
    const wrong = byConduct(() => 0);
    for (const entry of this.#entries) {
      if (entry === 0) continue;
      accepted[ways[(entry % 5) - 1]!]++;
      if (entry >= 5) wrong[conducts[Math.floor(entry / 5) - 1]!]++;
    }
    const { answers, disputed, rerun } = this;
    return { answers, accepted, wrong, disputed, rerun };
  }
}
