import { type CreditSummary, decodeValue, encodeValue, MusketeersError } from "../../protocol/index.ts";
import { Fields } from "../../protocol/messages/index.ts";

/** Rows that are stored together; so many of the longest ones fit into a registry's value. */
export const ROWS_A_PAGE = 64;
const LABEL_LENGTH_MAX = 64;
const ROWS_MAX = 1_000_000;

/** What one person was credited with in one project. */
export interface CreditRow extends CreditSummary {
  /** Of it, what was given before the hub's disk was lost last; nothing where it never was. */
  readonly beforeSeconds: number;
  readonly beforeInputs: number;
}

type Row = { -readonly [Field in keyof CreditRow]: CreditRow[Field] };

/** Whoever is beyond the rows that are kept apart. */
const OTHERS = "(others)";

/**
 * Who was credited with how much, by person and project. Rows are never taken out, so that pages stay what they are.
 *
 * What was given before the loss of a disk is told apart from what was given since: of the former several may know, each some of it.
 * It only ever rose, so the largest number that anybody knows is the best, and hearing it twice changes nothing (a
 * state-based counter; Shapiro and others, "Conflict-free replicated data types", 2011).
 */
export class CreditBook {
  readonly #rowsMax: number;
  readonly #lifeMs: number;
  readonly #rows: Row[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #changed = new Set<number>();

  /** @param lifeMs since when this hub goes on without a loss of its disk; 0: ever */
  constructor(rowsMax: number, lifeMs = 0) {
    this.#rowsMax = Math.min(rowsMax, ROWS_MAX);
    this.#lifeMs = lifeMs;
  }

  add(
    who: { readonly person: string; readonly label: string; readonly project: string },
    seconds: number,
    inputs: number,
    atMs: number,
  ): void {
    const at = this.#rowOf(who.person, who.project);
    const row = this.#rows[at]!;
    if (row.person === who.person) row.label = who.label.slice(0, LABEL_LENGTH_MAX);
    row.seconds += seconds;
    row.inputs += inputs;
    row.lastAtMs = Math.floor(atMs);
    this.#changed.add(Math.floor(at / ROWS_A_PAGE));
  }

  /** The most first. */
  list(project?: string): CreditSummary[] {
    return this.#rows
      .filter((row) => project === undefined || row.project === project)
      .map(({ beforeSeconds: _seconds, beforeInputs: _inputs, ...row }) => row)
      .sort((a, b) => b.seconds - a.seconds || (a.person < b.person ? -1 : 1));
  }

  /** All there is, the most first. */
  rows(): CreditRow[] {
    return this.#rows.map((row) => ({ ...row })).sort((a, b) => b.seconds - a.seconds);
  }

  /**
   * Enters what is known of elsewhere.
   * @param lifeMs of the hub that gave it
   * @returns of how many more is known now
   */
  merge(rows: readonly CreditRow[], lifeMs: number): number {
    let risen = 0;
    const isOfNow = lifeMs === this.#lifeMs;
    for (const theirs of rows) {
      const at = this.#rowOf(theirs.person, theirs.project);
      const row = this.#rows[at]!;
      // What this hub itself said since the loss it knows better.
      const seconds = isOfNow ? theirs.beforeSeconds : theirs.seconds;
      const inputs = isOfNow ? theirs.beforeInputs : theirs.inputs;
      const moreSeconds = Math.max(0, seconds - row.beforeSeconds);
      const moreInputs = Math.max(0, inputs - row.beforeInputs);
      if (moreSeconds === 0 && moreInputs === 0) continue;
      risen++;
      if (row.person === theirs.person && row.lastAtMs < theirs.lastAtMs) {
        row.label = theirs.label;
        row.lastAtMs = theirs.lastAtMs;
      }
      row.beforeSeconds += moreSeconds;
      row.seconds += moreSeconds;
      row.beforeInputs += moreInputs;
      row.inputs += moreInputs;
      this.#changed.add(Math.floor(at / ROWS_A_PAGE));
    }
    return risen;
  }

  /** What one person has of a project. */
  of(person: string, project: string): Pick<CreditSummary, "seconds" | "inputs"> {
    const at = this.#byKey.get(keyOf(person, project));
    const { seconds, inputs } = at === undefined ? { seconds: 0, inputs: 0 } : this.#rows[at]!;
    return { seconds, inputs };
  }

  /** Pages that changed since the last time. */
  takeChanged(): number[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** Says that pages could not be stored. */
  putBack(pages: readonly number[]): void {
    for (const page of pages) this.#changed.add(page);
  }

  encodePage(page: number): Uint8Array {
    const rows = this.#rows.slice(page * ROWS_A_PAGE, (page + 1) * ROWS_A_PAGE);
    return encodeValue(rows.map((row) => ({ ...row, lifeMs: this.#lifeMs })));
  }

  /**
   * Enters what was stored; pages come in their order.
   * @throws MusketeersError `JOURNAL_CORRUPT`
   */
  readPage(bytes: Uint8Array): void {
    try {
      for (const item of new Fields("credit", { rows: decodeValue(bytes) }).list("rows", ROWS_A_PAGE)) {
        const fields = new Fields("credit", item);
        const [seconds, inputs] = [fields.number("seconds"), fields.integer("inputs")];
        // Of another life all of it was before; hubs of before knew of one life only.
        const isOfNow = (fields.has("lifeMs") ? fields.integer("lifeMs") : 0) === this.#lifeMs;
        const knows = fields.has("beforeSeconds");
        const row = {
          person: fields.string("person"),
          project: fields.string("project"),
          label: fields.string("label"),
          seconds,
          inputs,
          lastAtMs: fields.integer("lastAtMs"),
          beforeSeconds: !isOfNow ? seconds : knows ? fields.number("beforeSeconds") : 0,
          beforeInputs: !isOfNow ? inputs : knows ? fields.integer("beforeInputs") : 0,
        };
        this.#byKey.set(keyOf(row.person, row.project), this.#rows.push(row) - 1);
      }
    } catch (cause) {
      throw new MusketeersError("JOURNAL_CORRUPT", "A page of the registry is no credit", { cause });
    }
  }

  #rowOf(person: string, project: string): number {
    const known = this.#byKey.get(keyOf(person, project));
    if (known !== undefined) return known;
    // A row for each project's others may come on top.
    const whose = this.#rows.length < this.#rowsMax ? person : OTHERS;
    if (whose !== person) {
      const others = this.#byKey.get(keyOf(OTHERS, project));
      if (others !== undefined) return others;
    }
    const none = { seconds: 0, inputs: 0, lastAtMs: 0, beforeSeconds: 0, beforeInputs: 0 };
    const row = { person: whose, project, label: "", ...none };
    const at = this.#rows.push(row) - 1;
    this.#byKey.set(keyOf(whose, project), at);
    return at;
  }
}

const keyOf = (person: string, project: string): string => `${project}\n${person}`;
