import { task } from "musketeers";
import { parse } from "node-html-parser";

/** A page, and which of its table rows to read, as a CSS selector. */
export interface Page {
  readonly url: string;
  readonly rows: string;
}

/** The texts of a page's table, row by row. Libraries travel with the task: workers install nothing. */
export const getTable = task(
  async ({ url, rows }: Page): Promise<string[][]> => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const page = parse(await response.text());
    return page
      .querySelectorAll(rows)
      .map((row) => row.querySelectorAll("td").map((cell) => cell.text.trim()));
  },
  { timeout: "30s", retries: 3 },
);
