import type { Assignment } from "./assignment.ts";
import { Random } from "./random.ts";

/** What is done to a cluster; every kind must have happened in a run. */
export const faultKinds = [
  "worker-kill",
  "worker-freeze",
  "worker-sleep",
  "worker-clock",
  "worker-drain",
  "worker-join",
  "hub-kill",
  "hub-freeze",
  "hub-sleep",
  "hub-clock",
  "client-kill",
  "client-freeze",
  "net-cut",
  "net-half-open",
  "net-delay",
  "net-drop",
  "net-truncate",
  "net-duplicate",
  "disk-full",
] as const;

export type FaultKind = (typeof faultKinds)[number];

export interface PlannedFault {
  readonly kind: FaultKind;
  /** The share of the round's work after which it comes. */
  readonly at: number;
  /** Whom it hits: a number from 0 to below 1, as many as there are to choose from then. */
  readonly whom: number;
  /** How long, how much or in which direction: from 0 to below 1. */
  readonly measure: number;
}

export interface Plan {
  readonly seed: number;
  readonly workers: number;
  readonly slots: number;
  readonly assignments: readonly Assignment[];
  /** In the order of their times. */
  readonly faults: readonly PlannedFault[];
}

export const FAULTS_A_ROUND = 10;

/**
 * What happens in a round; the same for the same arguments.
 * @param demanded kinds that are among its faults in any case
 */
export function planRound(
  seed: number,
  faultsARound = FAULTS_A_ROUND,
  demanded: readonly FaultKind[] = [],
): Plan {
  const random = new Random(seed);
  const kinds: FaultKind[] = [...demanded];
  while (kinds.length < faultsARound) kinds.push(...random.shuffle(faultKinds));
  kinds.length = faultsARound;
  const faults = kinds
    .map((kind) => ({ kind, at: random.next() * 0.85, whom: random.next(), measure: random.next() }))
    .sort((a, b) => a.at - b.at);
  const assignment = (
    task: Assignment["task"],
    client: Assignment["client"],
    count: number,
    way: Assignment["way"] = client === "mapper" ? "map" : "submit",
  ): Assignment => ({ name: `${client}/${task}`, client, task, way, count, ordered: random.next() < 0.4 });
  return {
    seed,
    workers: random.whole(2, 3),
    slots: random.whole(1, 2),
    assignments: [
      assignment("cheap", "mapper", random.whole(1_000, 5_000)),
      assignment("slow", "mapper", random.whole(30, 60)),
      assignment("large", "mapper", random.whole(5, 20)),
      assignment("failing", "mapper", random.whole(40, 300)),
      assignment("hungry", "mapper", random.whole(4, 12)),
      assignment("cheap", "submitter", random.whole(1_000, 5_000)),
      assignment("slow", "submitter", random.whole(30, 60)),
      assignment("failing", "submitter", random.whole(40, 300)),
      assignment("flaky", "submitter", random.whole(10, 40)),
      assignment("large", "submitter", random.whole(5, 20)),
    ],
    faults,
  };
}
