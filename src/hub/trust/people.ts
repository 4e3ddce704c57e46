import { decode, encode } from "cborg";
import type { Registry } from "../../engine/index.ts";
import type { PersonRecord, Scheduler } from "../../scheduler/index.ts";
import { recoverRecord } from "../../scheduler/index.ts";

const PREFIX = "person/";

/** As it is stored; hubs of before knew of no accusations. */
type Kept = [streak: number, valid: number, bad: number, accusations?: readonly (readonly string[])[]];

const keyOf = (person: string): string => `${PREFIX}${Buffer.from(person).toString("hex")}`;
const nameOf = (key: string): string => Buffer.from(key.slice(PREFIX.length), "hex").toString();

/** What is kept of people, told to a scheduler that begins. */
export async function recoverPeople(registry: Registry, scheduler: Scheduler): Promise<void> {
  for (const key of await registry.list(PREFIX)) {
    const entry = await registry.get(key);
    if (entry === undefined) continue;
    const [streak, valid, bad, accusations = []] = decode(entry.value) as Kept;
    recoverRecord(scheduler, { type: "person", person: nameOf(key), streak, valid, bad, accusations });
  }
}

/**
 * Keeps what the scheduler finds out about people, so that a hub that starts again knows it. What was found out
 * since the last writing a crash may take along: a streak that is shorter costs a check, a lie shows again.
 */
export class People {
  readonly #registry: Registry;
  readonly #saveMs: number;
  readonly #onFault: (error: unknown) => void;
  readonly #changed = new Map<string, Omit<PersonRecord, "type">>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(registry: Registry, saveMs: number, onFault: (error: unknown) => void) {
    this.#registry = registry;
    this.#saveMs = saveMs;
    this.#onFault = onFault;
  }

  /** Something was found out; it is written a little later, with what else was. */
  learn({ person, streak, valid, bad, accusations = [] }: Omit<PersonRecord, "type">): void {
    this.#changed.set(person, { person, streak, valid, bad, accusations });
    this.#timer ??= setTimeout(() => void this.save().catch(this.#onFault), this.#saveMs);
  }

  /** Writes what is not written yet. */
  save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    const writes = changed.map(({ person, streak, valid, bad, accusations }) =>
      this.#registry.put(keyOf(person), encode([streak, valid, bad, accusations])),
    );
    await Promise.all(writes);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
