import { people, type Scheduler } from "../../scheduler/index.ts";
import type { PopulationTally, TrustSummary, TrustTally } from "../types.ts";
import type { World } from "../world.ts";
import { byConduct } from "./ledger.ts";
import type { Persona } from "./persona.ts";

/** What became of the results of all jobs that ask for a quorum; nothing where there are none. */
export function trustOf(
  { inspector, personas }: World,
  state: Scheduler,
  populations: readonly Pick<PopulationTally, "credited">[],
): TrustSummary | undefined {
  const tallies = Array.from(inspector.ledgers, (ledger) => ledger.tally());
  if (tallies.length === 0) return undefined;
  const sum = tallies.reduce(add);
  const { quorum, trust, trusted } = sum.accepted;
  const accepted = quorum + trust + trusted;
  return {
    ...sum,
    overhead: accepted > 0 ? sum.answers / accepted - 1 : 0,
    credited: populations.reduce((total, { credited }) => total + credited, 0),
    people: peopleOf(personas, state),
  };
}

const add = (a: TrustTally, b: TrustTally): TrustTally => ({
  answers: a.answers + b.answers,
  accepted: {
    quorum: a.accepted.quorum + b.accepted.quorum,
    trust: a.accepted.trust + b.accepted.trust,
    trusted: a.accepted.trusted + b.accepted.trusted,
  },
  wrong: byConduct((conduct) => a.wrong[conduct] + b.wrong[conduct]),
  disputed: a.disputed + b.disputed,
  rerun: a.rerun + b.rerun,
});

function peopleOf(personas: readonly Persona[], state: Scheduler): TrustSummary["people"] {
  const counts = byConduct(() => ({ all: 0, proven: 0, suspect: 0 }));
  const standings = new Map(Array.from(people(state), ({ person, standing }) => [person, standing]));
  for (const { name, conduct } of new Set(personas)) {
    counts[conduct].all++;
    const standing = standings.get(name);
    if (standing === "proven" || standing === "suspect") counts[conduct][standing]++;
  }
  return counts;
}
