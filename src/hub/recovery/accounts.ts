import type { Registry } from "../../engine/index.ts";
import { decodeValue, encodeValue, type Limits, MusketeersError } from "../../protocol/index.ts";
import { Fields } from "../../protocol/messages/index.ts";
import type { Credit } from "../credit/index.ts";
import type { KnownPerson, People } from "../trust/index.ts";
import { openAccounts, signAccounts } from "./accounts-statement.ts";

const KEY = "accounts";

/** What a hub keeps in mind of its accounts. Times are milliseconds since 1970. */
export interface AccountsMarks {
  /** Of the accounts as they were given out last. */
  readonly sequence: number;
  /** Up to here what was given out before a loss is known, by a backup or from whoever gave it back. */
  readonly adopted: number;
  /** Since when the hub goes on without a loss of its disk; 0: ever. */
  readonly lifeMs: number;
}

/**
 * Takes up the marks; where the disk was lost, another life begins.
 * @throws MusketeersError `JOURNAL_CORRUPT`, `STORAGE`
 */
export async function openAccountsMarks(
  registry: Registry,
  recover: boolean,
  wallMs: number,
): Promise<AccountsMarks> {
  const marks = decodeMarks((await registry.get(KEY))?.value);
  if (!recover) return marks;
  const { sequence, adopted } = marks;
  const lifeMs = Math.max(Math.floor(wallMs), marks.lifeMs + 1);
  const begun = { sequence, adopted: Math.max(sequence, adopted), lifeMs };
  await registry.put(KEY, encodeValue(begun));
  return begun;
}

function decodeMarks(value: Uint8Array | undefined): AccountsMarks {
  if (value === undefined) return { sequence: 0, adopted: 0, lifeMs: 0 };
  try {
    const fields = new Fields(KEY, decodeValue(value));
    return {
      sequence: fields.integer("sequence"),
      adopted: fields.integer("adopted"),
      lifeMs: fields.integer("lifeMs"),
    };
  } catch (cause) {
    throw new MusketeersError("JOURNAL_CORRUPT", `The registry's entry ${KEY} is damaged`, { cause });
  }
}

export interface AccountsOptions {
  readonly secretKey: Uint8Array;
  readonly registry: Registry;
  readonly limits: Pick<Limits, "accountsBytesMax" | "accountsIntervalMs">;
  readonly wallMs: () => number;
  readonly marks: AccountsMarks;
  readonly credit: Pick<Credit, "rows" | "merge">;
  readonly people: Pick<People, "list">;
  readonly onNotice: (notice: string) => void;
}

/**
 * Credit and what is known of people, as trusted workers keep them for the hub. They change all the time, so they
 * are given out now and then, not with the catalogue.
 */
export class Accounts {
  readonly #options: AccountsOptions;
  #marks: AccountsMarks;
  #signed: Promise<Uint8Array | undefined> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #isShortened = false;
  /** They are to be given out anew. */
  onDue: () => void = () => {};
  /** Somebody is known of from before the loss. */
  onPerson: (person: KnownPerson) => void = () => {};

  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#marks = options.marks;
  }

  /** Something is not as it was given out. */
  changed(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#signed = undefined;
      this.onDue();
    }, this.#options.limits.accountsIntervalMs);
  }

  /**
   * What is to be kept; undefined where there is nothing yet.
   * @throws MusketeersError `STORAGE`
   */
  signed(): Promise<Uint8Array | undefined> {
    if (this.#signed === undefined) {
      const signed = this.#sign();
      this.#signed = signed;
      const forget = () => {
        if (this.#signed === signed) this.#signed = undefined;
      };
      signed.then((bytes) => {
        if (bytes === undefined) forget();
      }, forget);
    }
    return this.#signed;
  }

  /**
   * Takes back what a worker kept; says of how many people more is known now.
   * @throws MusketeersError `UNAUTHORIZED` for what this hub has not signed, `PROTOCOL`, `STORAGE`
   */
  async adopt(bytes: Uint8Array): Promise<number> {
    const { secretKey, credit } = this.#options;
    const said = openAccounts(bytes, secretKey);
    const risen = credit.merge(said.credit, said.lifeMs);
    const { sequence, adopted, lifeMs } = this.#marks;
    // A word of before takes back nothing that was found out, or forgiven, after it.
    const isLater = said.lifeMs !== lifeMs && said.sequence > adopted;
    if (isLater) for (const person of said.people) this.onPerson(person);
    if (isLater || said.sequence > sequence) {
      const latest = isLater ? said.sequence : adopted;
      await this.#store({ sequence: Math.max(sequence, said.sequence), adopted: latest, lifeMs });
    }
    if (risen > 0 || isLater) {
      // Whoever gave it is not to get less for it.
      this.#signed = undefined;
      this.changed();
    }
    return risen > 0 || !isLater ? risen : said.people.length;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #sign(): Promise<Uint8Array | undefined> {
    const { credit, people, wallMs } = this.#options;
    const [rows, known] = [credit.rows(), people.list()];
    if (rows.length === 0 && known.length === 0) return undefined;
    const sequence = Math.max(Math.floor(wallMs()), this.#marks.sequence + 1);
    await this.#store({ ...this.#marks, sequence });
    return this.#fitting(sequence, rows, known);
  }

  /** Of more than may be kept what counts most: whoever did most, and of people those who were seen most of. */
  #fitting(sequence: number, rows: ReturnType<Credit["rows"]>, known: readonly KnownPerson[]): Uint8Array {
    const { secretKey, limits, onNotice } = this.#options;
    const { lifeMs } = this.#marks;
    const people = known.toSorted((a, b) => b.valid + b.bad - (a.valid + a.bad));
    for (let share = 1; ; ) {
      const some = <Row>(all: readonly Row[]) => all.slice(0, Math.floor(share * all.length));
      const bytes = signAccounts({ sequence, lifeMs, credit: some(rows), people: some(people) }, secretKey);
      if (bytes.length <= limits.accountsBytesMax || share === 0) return bytes;
      if (!this.#isShortened) onNotice("credit is more than workers keep (accountsBytesMax); make backups");
      this.#isShortened = true;
      share = share < 0.01 ? 0 : (share * 0.95 * limits.accountsBytesMax) / bytes.length;
    }
  }

  async #store(marks: AccountsMarks): Promise<void> {
    this.#marks = marks;
    await this.#options.registry.put(KEY, encodeValue(marks));
  }
}
