import { decode, encode } from "cborg";
import type { Registry } from "../../engine/index.ts";
import type { PersonRecord, Scheduler } from "../../scheduler/index.ts";
import { recoverRecord } from "../../scheduler/index.ts";

export const PERSON_PREFIX = "person/";

/** As it is stored; hubs of before knew of no accusations. */
type Kept = [streak: number, valid: number, bad: number, accusations?: readonly (readonly string[])[]];

const keyOf = (person: string): string => `${PERSON_PREFIX}${Buffer.from(person).toString("hex")}`;
/** Whose key of the registry it is. */
export const personIn = (key: string): string =>
  Buffer.from(key.slice(PERSON_PREFIX.length), "hex").toString();

/** A person as it is known, without the word that says so. */
export type KnownPerson = Omit<PersonRecord, "type">;

/** What is kept of people, told to a scheduler that begins. */
export async function recoverPeople(registry: Registry, scheduler: Scheduler): Promise<KnownPerson[]> {
  const known: KnownPerson[] = [];
  for (const key of await registry.list(PERSON_PREFIX)) {
    const entry = await registry.get(key);
    if (entry === undefined) continue;
    const [streak, valid, bad, accusations = []] = decode(entry.value) as Kept;
    const person = { person: personIn(key), streak, valid, bad, accusations };
    recoverRecord(scheduler, { type: "person", ...person });
    known.push(person);
  }
  return known;
}

/**
 * Keeps what the scheduler finds out about people, so that a hub that starts again knows it. What was found out
 * since the last writing a crash may take along: a streak that is shorter costs a check, a lie shows again.
 */
export class People {
  readonly #registry: Registry;
  readonly #saveMs: number;
  readonly #onFault: (error: unknown) => void;
  readonly #known: Map<string, KnownPerson>;
  readonly #changed = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> = Promise.resolve();

  /** Something was found out. */
  onChanged: () => void = () => {};

  /** @param known what was read of them */
  constructor(
    registry: Registry,
    saveMs: number,
    onFault: (error: unknown) => void,
    known: readonly KnownPerson[] = [],
  ) {
    this.#registry = registry;
    this.#known = new Map(known.map((person) => [person.person, person]));
    this.#saveMs = saveMs;
    this.#onFault = onFault;
  }

  /** Something was found out; it is written a little later, with what else was. */
  learn({ person, streak, valid, bad, accusations = [] }: KnownPerson): void {
    this.#known.set(person, { person, streak, valid, bad, accusations });
    this.#changed.add(person);
    this.onChanged();
    this.#timer ??= setTimeout(() => void this.save().catch(this.#onFault), this.#saveMs);
  }

  list(): readonly KnownPerson[] {
    return [...this.#known.values()];
  }

  /** Writes what is not written yet. */
  save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    const writes = changed.map((person) => {
      const { streak, valid, bad, accusations } = this.#known.get(person)!;
      return this.#registry.put(keyOf(person), encode([streak, valid, bad, accusations]));
    });
    await Promise.all(writes);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
