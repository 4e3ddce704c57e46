import { decode, encode } from "cborg";
import { base64url } from "multiformats/bases/base64";
import type { Registry } from "../../engine/index.ts";
import { type Limits, MusketeersError } from "../../protocol/index.ts";
import { equalBytes, type Grant } from "../../security/index.ts";

const PREFIX = "takers/";
/** Keys in one row of the registry, whose rows are small. */
const ROW_KEYS = 500;

type TakerLimits = Pick<Limits, "inviteKeysMax" | "personKeptMs">;

/** The keys that came with one invite, in their order, and whose each is. */
interface Taken {
  readonly expiresAtMs: number;
  readonly persons: Map<string, string>;
}

/** A key as text. */
export const keyIdOf = (key: Uint8Array): string => base64url.baseEncode(key);

/**
 * Remembers which keys took up which invites, and who they are: an invite stands for one person, or for as many
 * as it says, each with a key; and a key stays whoever it was first, also when its invite is renewed.
 */
export class Takers {
  readonly #registry: Registry;
  readonly #limits: TakerLimits;
  readonly #nowMs: () => number;
  readonly #invites = new Map<string, Taken>();
  readonly #persons = new Map<string, string>();
  /** Rows to be stored, each under its name. */
  readonly #dirty = new Map<string, string>();
  #storing: Promise<void> | undefined;

  private constructor(registry: Registry, limits: TakerLimits, nowMs: () => number) {
    this.#registry = registry;
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Reads what was kept. */
  static async open(registry: Registry, limits: TakerLimits, nowMs: () => number): Promise<Takers> {
    const takers = new Takers(registry, limits, nowMs);
    for (const name of await registry.list(PREFIX)) {
      const row = await registry.get(name);
      const id = name.slice(PREFIX.length, name.lastIndexOf("/"));
      if (row !== undefined) takers.#recall(id, row.value);
    }
    return takers;
  }

  #recall(id: string, bytes: Uint8Array): void {
    const [expiresAtMs, rows] = decode(bytes) as [number, [Uint8Array, string][]];
    const taken = this.#takenOf(id, expiresAtMs);
    for (const [key, person] of rows) {
      taken.persons.set(keyIdOf(key), person);
      this.#persons.set(keyIdOf(key), person);
    }
  }

  #takenOf(id: string, expiresAtMs: number): Taken {
    let taken = this.#invites.get(id);
    if (taken === undefined) {
      taken = { expiresAtMs, persons: new Map() };
      this.#invites.set(id, taken);
    }
    return taken;
  }

  /** How many keys took an invite up. */
  usesOf(id: string): number {
    return this.#invites.get(id)?.persons.size ?? 0;
  }

  /**
   * Lets a proven key in with a proven grant; says which person that is.
   * @param keep whether to remember it longer than this process lives
   * @throws MusketeersError `INVITE_USED_UP`; `UNAUTHORIZED` where only keys of their own may come
   */
  takeUp(grant: Grant, key: Uint8Array, keep = true): string {
    const { uses, people } = grant;
    const counted = uses !== null || people !== null;
    if (counted && equalBytes(key, grant.publicKey)) {
      throw new MusketeersError("UNAUTHORIZED", "Who comes with this invite has to have a key of their own", {
        hint: "It may be used a certain number of times only, so its users must be told from each other.",
      });
    }
    const taken = this.#takenOf(grant.id, grant.expiresAtMs);
    const id = keyIdOf(key);
    const before = taken.persons.get(id);
    if (before !== undefined) return before;
    const most = Math.min(uses ?? Number.POSITIVE_INFINITY, people ?? Number.POSITIVE_INFINITY);
    if (taken.persons.size >= most) {
      throw new MusketeersError("INVITE_USED_UP", `This invite was taken up ${most} times already`);
    }
    const person = this.#personOf(grant, id, taken);
    // Of an invite for anybody's machines the person is known, however many there are.
    if (taken.persons.size >= this.#limits.inviteKeysMax) return person;
    taken.persons.set(id, person);
    if (!this.#persons.has(id)) this.#persons.set(id, person);
    if (keep) this.#remember(grant.id, taken);
    return person;
  }

  #personOf({ id: invite, person, people }: Grant, key: string, { persons }: Taken): string {
    if (person !== "") return person;
    if (people !== null) return this.#persons.get(key) ?? key;
    const [first] = persons.values();
    return first ?? this.#persons.get(key) ?? invite;
  }

  /** Resolves when what was remembered is stored. */
  async stored(): Promise<void> {
    while (this.#storing !== undefined) await this.#storing;
  }

  #remember(invite: string, { persons }: Taken): void {
    const row = Math.floor((persons.size - 1) / ROW_KEYS);
    this.#dirty.set(`${PREFIX}${invite}/${row}`, invite);
    this.#storing ??= this.#store().finally(() => {
      this.#storing = undefined;
    });
  }

  /** One write holds all that came since the one before. */
  async #store(): Promise<void> {
    for (const [name, invite] of this.#dirty) {
      this.#dirty.delete(name);
      const { expiresAtMs, persons } = this.#invites.get(invite)!;
      const from = Number(name.slice(name.lastIndexOf("/") + 1)) * ROW_KEYS;
      const rows = [...persons].slice(from, from + ROW_KEYS);
      const value = encode([expiresAtMs, rows.map(([key, person]) => [base64url.baseDecode(key), person])]);
      const ttlMs = Math.max(1, expiresAtMs - this.#nowMs()) + this.#limits.personKeptMs;
      // Where it cannot be stored, the engine says so in `status`, and the next one brings it along.
      await this.#registry.put(name, value, { ttlMs }).catch(() => {});
    }
  }
}
