import { parse } from "node-html-parser";
import { task } from "../../client/index.ts";

/** Where a stock's page is. */
export interface StockPage {
  readonly stockId: number;
  readonly url: string;
}

/** Numbers lose their thousands separators and plus signs; all else stays text. */
const cellValue = (text: string): string | number => {
  const number = Number(text.replaceAll(",", ""));
  return text === "" || Number.isNaN(number) ? text : number;
};

/** The row of a page's table of daily trading. */
export function readTable(html: string): (string | number)[] {
  const row = parse(html).querySelector("table.daily tbody tr");
  if (row === null) throw new Error("the page has no table of daily trading");
  return row.querySelectorAll("td").map((cell) => cellValue(cell.text.trim()));
}

/** Fetches one stock's page and gives the row of its table. The job grants the host. */
export const getTable = task(
  async ({ stockId, url }: StockPage) => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`stock ${stockId}: the exchange answered ${response.status}`);
    return readTable(await response.text());
  },
  { name: "getTable", timeout: "30s", retries: 3 },
);
