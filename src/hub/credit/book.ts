import { type CreditSummary, decodeValue, encodeValue, MusketeersError } from "../../protocol/index.ts";
import { Fields } from "../../protocol/messages/index.ts";

/** Rows that are stored together; so many of the longest ones fit into a registry's value. */
export const ROWS_A_PAGE = 64;
const LABEL_LENGTH_MAX = 64;
const ROWS_MAX = 1_000_000;

interface Row {
  readonly person: string;
  readonly project: string;
  label: string;
  seconds: number;
  inputs: number;
  lastAtMs: number;
}

/** Whoever is beyond the rows that are kept apart. */
const OTHERS = "(others)";

/** Who was credited with how much, by person and project. Rows are never taken out, so that pages stay what they are. */
export class CreditBook {
  readonly #rowsMax: number;
  readonly #rows: Row[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #changed = new Set<number>();

  constructor(rowsMax: number) {
    this.#rowsMax = Math.min(rowsMax, ROWS_MAX);
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
      .map((row) => ({ ...row }))
      .sort((a, b) => b.seconds - a.seconds || (a.person < b.person ? -1 : 1));
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
    return encodeValue(rows.map((row) => ({ ...row })));
  }

  /**
   * Enters what was stored; pages come in their order.
   * @throws MusketeersError `JOURNAL_CORRUPT`
   */
  readPage(bytes: Uint8Array): void {
    try {
      for (const item of new Fields("credit", { rows: decodeValue(bytes) }).list("rows", ROWS_A_PAGE)) {
        const fields = new Fields("credit", item);
        const row = {
          person: fields.string("person"),
          project: fields.string("project"),
          label: fields.string("label"),
          seconds: fields.number("seconds"),
          inputs: fields.integer("inputs"),
          lastAtMs: fields.integer("lastAtMs"),
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
    const row = { person: whose, project, label: "", seconds: 0, inputs: 0, lastAtMs: 0 };
    const at = this.#rows.push(row) - 1;
    this.#byKey.set(keyOf(whose, project), at);
    return at;
  }
}

const keyOf = (person: string, project: string): string => `${project}\n${person}`;
