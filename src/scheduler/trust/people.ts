import type { Person, Scheduler, SchedulerConfig, Worker } from "../state/state.ts";
import type { EventOf, PersonId } from "../types.ts";

/** What is known of accusers no more stays as it is, as that of trusted workers and canaries does. */
const ACCUSATIONS_MAX = 16;

/**
 * What a person's word is worth. `newcomer`: confirms nothing alone; `proven`: was right often enough in a row;
 * `suspect`: was wrong too often, and is asked no more.
 */
export type Standing = "newcomer" | "proven" | "suspect";

/** Who answers for a worker; whoever is unknown shares the empty name. */
export const personOf = (worker: Worker): PersonId => worker.description.person;
export const isTrusted = (worker: Worker): boolean => worker.description.trusted;

export function standingIn(person: Person | undefined, config: SchedulerConfig): Standing {
  if (person === undefined) return "newcomer";
  const { streak, valid, bad } = person;
  if (bad >= config.suspectBadMin && bad > (valid + bad) * config.suspectBadShare) return "suspect";
  return streak >= config.provenStreakMin ? "proven" : "newcomer";
}

export const standingOf = (state: Scheduler, id: PersonId): Standing =>
  standingIn(state.people.get(id), state.config);

/** A person whose results are checked once in so many. */
export const checkInterval = (state: Scheduler, id: PersonId): number =>
  Math.min(state.people.get(id)?.streak ?? 1, state.config.checkIntervalInputsMax);

function known(state: Scheduler, id: PersonId): Person {
  let person = state.people.get(id);
  if (person === undefined) {
    person = { id, streak: 0, valid: 0, bad: 0, accusations: [] };
    state.people.set(id, person);
  }
  return person;
}

function change(state: Scheduler, id: PersonId, alter: (person: Person) => void): void {
  const person = known(state, id);
  const before = standingIn(person, state.config);
  const { streak } = person;
  alter(person);
  state.judged.add(id);
  // A newcomer who begins anew may give more results to be proven by.
  const standing = standingIn(person, state.config);
  if (standing !== before || person.streak < streak) state.turned.add(id);
  if (standing === "suspect" && before !== "suspect") dismissAccusations(state);
}

/** Somebody turned out to lie: whoever was refuted by such people alone was not refuted. */
function dismissAccusations(state: Scheduler): void {
  const isSuspect = (id: PersonId) => standingOf(state, id) === "suspect";
  for (const person of state.people.values()) {
    const left = person.accusations.filter((accusers) => !accusers.every(isSuspect));
    const dismissed = person.accusations.length - left.length;
    if (dismissed === 0) continue;
    person.accusations = left;
    change(state, person.id, ({ bad }) => {
      person.bad = Math.max(0, bad - dismissed);
    });
  }
}

/** The operator takes a person for a newcomer, whatever was found out. */
export function personForgiven(state: Scheduler, { person: id }: EventOf<"PersonForgiven">): void {
  if (!state.people.has(id)) return;
  change(state, id, (person) => {
    person.streak = 0;
    person.bad = 0;
    person.accusations = [];
  });
}

/**
 * What was known before a disk was lost has turned up. Of two words on a person the one holds that has seen more; what
 * only the other knows is not forgiven by it: refutations are no fewer, and a streak that did not see one is no longer.
 */
export function personRecalled(state: Scheduler, event: EventOf<"PersonRecalled">): void {
  const { person: id, streak, valid, bad, accusations = [] } = event;
  change(state, id, (person) => {
    const isUnknown = person.valid + person.bad + person.streak === 0;
    if (isUnknown) Object.assign(person, { streak, valid, bad, accusations: [...accusations] });
    const seesMore = valid + bad > person.valid + person.bad;
    const refuted = bad - person.bad;
    if (refuted !== 0) person.streak = Math.min(person.streak, streak);
    else if (seesMore) person.streak = streak;
    if (seesMore) person.valid = valid;
    if (refuted <= 0) return;
    person.bad = bad;
    person.accusations = [...accusations];
  });
}

/** Others confirmed results of a person. */
export function wasRight(state: Scheduler, id: PersonId, results = 1): void {
  change(state, id, (person) => {
    person.streak += results;
    person.valid += results;
  });
}

/**
 * Others refuted a result of a person: what it gave on its word alone must be looked at again.
 * @param accusers whose votes said so; nobody's where it is certain
 */
export function wasWrong(state: Scheduler, id: PersonId, accusers: readonly PersonId[] = []): void {
  state.fallen.add(id);
  change(state, id, (person) => {
    person.streak = 0;
    person.bad++;
    if (accusers.length > 0) person.accusations = [...person.accusations, accusers].slice(-ACCUSATIONS_MAX);
  });
}

/** It failed where others did not: no lie, but no proof either. */
export function stumbled(state: Scheduler, id: PersonId): void {
  change(state, id, (person) => {
    person.streak = 0;
  });
}

/** Says at the end of a step what was found out about people. */
export function reportPeople(state: Scheduler): void {
  if (state.judged.size === 0) return;
  for (const id of state.judged) {
    const { streak, valid, bad, accusations } = state.people.get(id)!;
    state.effects.push({ type: "RecordPerson", person: id, streak, valid, bad, accusations });
  }
  state.judged.clear();
}
