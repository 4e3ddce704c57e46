import { type EnrolledWorker, MusketeersError, type PersonSummary } from "../../protocol/index.ts";
import { type PersonView, people, type Scheduler } from "../../scheduler/index.ts";

interface Host {
  readonly scheduler: Scheduler;
  readonly workers: ReadonlyMap<string, { readonly description: EnrolledWorker }>;
}

interface Forgiving {
  forgive(person: string): void;
  readonly referee: { saved(): Promise<void> };
}

/** Everybody who is connected or of whom something is known; those who were refuted first, then by their streaks. */
export function peopleOf({ scheduler, workers }: Host): PersonSummary[] {
  const connected = new Map<string, { workers: number; trusted: boolean }>();
  for (const { description } of workers.values()) {
    const { person, trusted } = description;
    const known = connected.get(person);
    connected.set(person, {
      workers: (known?.workers ?? 0) + 1,
      trusted: trusted || known?.trusted === true,
    });
  }
  const rows: PersonSummary[] = [];
  const seen = new Set<string>();
  for (const view of people(scheduler)) {
    seen.add(view.person);
    rows.push(summaryOf(view, connected.get(view.person)));
  }
  for (const [person, presence] of connected) {
    const view: PersonView = { person, standing: "newcomer", streak: 0, valid: 0, bad: 0 };
    if (!seen.has(person)) rows.push(summaryOf(view, presence));
  }
  return rows.sort((a, b) => b.invalid - a.invalid || b.streak - a.streak);
}

/**
 * Has a person begin anew; says what is known of it then, when that is stored.
 * @throws MusketeersError `NOT_FOUND`
 */
export async function forgiven(hub: Host & Forgiving, person: string): Promise<PersonSummary> {
  const find = () => peopleOf(hub).find((row) => row.person === person);
  if (find() === undefined) {
    throw new MusketeersError("NOT_FOUND", `Nobody here is called ${person}`, {
      hint: "`musketeers people` lists everybody by the name that counts.",
    });
  }
  hub.forgive(person);
  await hub.referee.saved();
  return find()!;
}

const summaryOf = (
  { person, standing, streak, valid, bad }: PersonView,
  presence: { readonly workers: number; readonly trusted: boolean } = { workers: 0, trusted: false },
): PersonSummary => ({
  person,
  ...presence,
  proven: standing === "proven",
  streak,
  valid,
  invalid: bad,
  suspect: standing === "suspect",
});
