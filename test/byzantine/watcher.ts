import { isLiar, personOf } from "./cast.ts";
import type { Submitter } from "./submitter.ts";
import type { Volunteer } from "./volunteer.ts";

const PAUSE_MS = 100;

/** When the hub found a liar. */
export interface Finding {
  /** Lies that it had told by then. */
  readonly lied: number;
  /** Answers that were accepted of anybody by then. */
  readonly accepted: number;
}

/** Asks the hub again and again whom it takes for a liar, and notes when it found each. */
export class Watcher {
  readonly #submitter: Submitter;
  readonly #volunteers: readonly Volunteer[];
  readonly #accepted: () => number;
  #over = false;
  #pause: { readonly timer: ReturnType<typeof setTimeout>; readonly end: () => void } | undefined;
  readonly found = new Map<Volunteer, Finding>();
  /** People whom the hub takes for liars although they are none. */
  readonly wronged = new Set<string>();
  /** Answers of each person that others refuted. */
  refuted: ReadonlyMap<string, number> = new Map();

  constructor(submitter: Submitter, volunteers: readonly Volunteer[], accepted: () => number) {
    this.#submitter = submitter;
    this.#volunteers = volunteers;
    this.#accepted = accepted;
  }

  async watch(onLook: () => void): Promise<void> {
    while (!this.#over) {
      await this.look();
      onLook();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PAUSE_MS);
        this.#pause = { timer, end: resolve };
      });
    }
  }

  /** Looks a last time. */
  async stop(): Promise<void> {
    this.#over = true;
    clearTimeout(this.#pause?.timer);
    this.#pause?.end();
    await this.look();
  }

  async look(): Promise<void> {
    const people = await this.#submitter.call("people", {});
    const suspects = new Set(people.filter(({ suspect }) => suspect).map(({ person }) => person));
    this.refuted = new Map(people.map(({ person, invalid }) => [person, invalid]));
    for (const volunteer of this.#volunteers) {
      const { role, lied } = volunteer;
      const person = personOf(role);
      if (!suspects.has(person)) continue;
      if (!isLiar(role.kind)) this.wronged.add(person);
      else if (!this.found.has(volunteer)) this.found.set(volunteer, { lied, accepted: this.#accepted() });
    }
  }
}
