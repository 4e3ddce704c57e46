import type { Conduct, Population, Scenario } from "../types.ts";

const HONEST_INPUTS = 30;

/** What lies are marked with, so that equal ones agree and others do not. A mark has three bytes. */
const AGREED: Readonly<Record<"colluder" | "sleeper", number>> = { colluder: 1, sleeper: 2 };
const OWN_LIES = 0x10;
const ACCIDENTS = 0x80_0000;

/** A person of a scenario, with one machine or several. The hub hears its name and nothing else. */
export class Persona {
  readonly name: string;
  readonly conduct: Conduct;
  /** Its population's place in the scenario. */
  readonly kind: number;
  readonly #number: number;
  #honestLeft: number;

  constructor(number: number, kind: number, { name, conduct = "honest", honestInputs }: Population) {
    this.name = `${name} ${number}`;
    this.conduct = conduct;
    this.kind = kind;
    this.#number = number;
    this.#honestLeft = honestInputs ?? HONEST_INPUTS;
  }

  /** Whether it answers without having run anything: nothing throws, hangs or crashes there. */
  get pretends(): boolean {
    if (this.conduct === "sleeper") return this.#honestLeft <= 0;
    return this.conduct !== "honest";
  }

  /** Answers one input more: the mark of a lie, or 0 where it tells the truth. */
  lie(): number {
    switch (this.conduct) {
      case "honest":
        return 0;
      case "liar":
        return OWN_LIES + this.#number;
      case "colluder":
        return AGREED.colluder;
      case "sleeper":
        return this.#honestLeft-- > 0 ? 0 : AGREED.sleeper;
    }
  }
}

/** The mark of an answer that a machine spoilt by itself: hardly any two are alike. */
export const accidentOf = (bits: number): number => ACCIDENTS | (bits & (ACCIDENTS - 1));

/** Everybody, machine by machine in the order of the populations. */
export function personasOf({ populations }: Scenario): Persona[] {
  const machines: Persona[] = [];
  let number = 0;
  for (const [kind, population] of populations.entries()) {
    const nodes = Math.max(1, population.nodesPerPerson ?? 1);
    let persona: Persona | undefined;
    for (let copy = 0; copy < population.count; copy++) {
      if (persona === undefined || copy % nodes === 0) persona = new Persona(number++, kind, population);
      machines.push(persona);
    }
  }
  return machines;
}

/**
 * Those who must never be refuted: they are honest, so are their machines, and nobody who is believed may lie; sleepers
 * are, at first.
 */
export function blamelessOf({ populations }: Scenario, personas: readonly Persona[]): ReadonlySet<string> {
  const isDeceived = populations.some(
    ({ conduct, trusted, corruptionRate = 0 }) =>
      conduct === "sleeper" ||
      (trusted === true && (corruptionRate > 0 || (conduct ?? "honest") !== "honest")),
  );
  if (isDeceived) return new Set();
  const blameless = personas.filter(
    ({ conduct, kind }) => conduct === "honest" && (populations[kind]!.corruptionRate ?? 0) === 0,
  );
  return new Set(blameless.map(({ name }) => name));
}

/** Whether wrong answers are to be expected of anybody. */
export const mayAnswerWrongly = ({ populations }: Scenario): boolean =>
  populations.some(
    ({ conduct = "honest", corruptionRate = 0 }) => conduct !== "honest" || corruptionRate > 0,
  );
