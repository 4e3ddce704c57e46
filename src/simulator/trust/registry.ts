import { type PersonRecord, people, recoverRecord, type Scheduler } from "../../scheduler/index.ts";
import { ViolationError } from "../checks/violation.ts";

type Known = Omit<PersonRecord, "type">;

/** What the hub knows of people, on its disk: written a little later than found out. */
export class Registry {
  readonly #later: (then: () => void) => void;
  readonly #stored = new Map<string, Known>();
  #changed = new Map<string, Known>();

  /** @param later comes when it is time to write, unless the hub is dead by then */
  constructor(later: (then: () => void) => void) {
    this.#later = later;
  }

  learn({ person, streak, valid, bad }: Known): void {
    if (this.#changed.size === 0) this.#later(() => this.#write());
    this.#changed.set(person, { person, streak, valid, bad });
  }

  #write(): void {
    for (const [person, known] of this.#changed) this.#stored.set(person, known);
    this.#changed = new Map();
  }

  /** The hub dies, perhaps with its disk. */
  crash(isDiskLost: boolean): void {
    this.#changed = new Map();
    if (isDiskLost) this.#stored.clear();
  }

  /**
   * Tells a scheduler that begins what is known of people.
   * @throws ViolationError where it does not know that then
   */
  recover(state: Scheduler): ReadonlyMap<string, Known> {
    for (const known of this.#stored.values()) recoverRecord(state, { type: "person", ...known });
    const told = new Map(Array.from(people(state), (view) => [view.person, view]));
    for (const { person, streak, valid, bad } of this.#stored.values()) {
      const view = told.get(person);
      if (view?.streak === streak && view.valid === valid && view.bad === bad) continue;
      throw new ViolationError("correctness", `a hub that begins again does not know ${person} any more`);
    }
    return this.#stored;
  }
}
