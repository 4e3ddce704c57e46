import { MusketeersError } from "../../protocol/index.ts";
import type { CsvFormat } from "./segment.ts";

/** Rows of fields, as far as they are whole. */
interface Rows {
  readonly rows: readonly (readonly string[])[];
  readonly rest: string;
}

/** A row by the names of the first row. */
export type CsvRecord = Record<string, string>;

/** Reads rows from texts that follow each other; the first row of all names the fields. */
export class CsvReader {
  readonly #parse: (text: string, isLast: boolean) => Rows;
  readonly #name: string;
  readonly #isLossy: boolean;
  readonly #charsMax: number;
  #header: readonly string[] | undefined;
  #rest = "";
  #rows = 0;

  private constructor(
    parse: (text: string, isLast: boolean) => Rows,
    { lossy = false }: CsvFormat,
    name: string,
    charsMax: number,
  ) {
    this.#parse = parse;
    this.#isLossy = lossy;
    this.#name = name;
    this.#charsMax = charsMax;
  }

  /** @param name for errors; @param charsMax of one row */
  static async open(format: CsvFormat, name: string, charsMax: number): Promise<CsvReader> {
    const { default: Papa } = await import("papaparse");
    const delimiter = format.delimiter ?? ",";
    const parse = (text: string, isLast: boolean): Rows => {
      const parser = new Papa.Parser({ delimiter, newline: "\n" });
      const { data, errors, meta } = parser.parse(text, 0, !isLast);
      const [error] = errors as { readonly message: string; readonly row?: number }[];
      if (error !== undefined && format.lossy !== true) throw new Error(error.message);
      return { rows: data as string[][], rest: isLast ? "" : text.slice(meta.cursor) };
    };
    return new CsvReader(parse, format, name, charsMax);
  }

  /** The rows that are whole with this text; without one, what is left. */
  read(text?: string): CsvRecord[] {
    const all = this.#rest + (text?.includes("\r") ? text.replaceAll("\r\n", "\n") : (text ?? ""));
    let found: Rows;
    try {
      found = this.#parse(all, text === undefined);
    } catch (cause) {
      throw this.#wrong((cause as Error).message, cause);
    }
    this.#rest = found.rest;
    if (this.#rest.length > this.#charsMax) {
      throw new MusketeersError("LIMIT_EXCEEDED", `${this.#name}: a row is longer than lineBytesMax`, {
        hint: "Is a quote missing?",
      });
    }
    const records: CsvRecord[] = [];
    for (const row of found.rows) {
      // A blank line is no row.
      if (row.length === 1 && row[0] === "") continue;
      if (this.#header === undefined) this.#header = row;
      else records.push(this.#record(row, this.#header));
    }
    return records;
  }

  #record(row: readonly string[], header: readonly string[]): CsvRecord {
    this.#rows++;
    if (row.length !== header.length && !this.#isLossy) {
      throw this.#wrong(`a row of ${row.length} fields under a header of ${header.length}`);
    }
    return Object.fromEntries(header.map((field, at) => [field, row[at] ?? ""]));
  }

  #wrong(what: string, cause?: unknown): MusketeersError {
    return new MusketeersError("INVALID_DATA", `${this.#name}: row ${this.#rows}: ${what}`, {
      hint: "Mend the file, name its delimiter, or read it with { lossy: true }.",
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
