import { expect, onTestFinished, test } from "vitest";
import { startExchange, stockPage } from "./exchange.ts";
import { getTable, readTable } from "./get-table.ts";
import { stockColumns, stockRows } from "./stocks.ts";

test("thirty stocks, each once, each with all columns", () => {
  expect(stockRows).toHaveLength(30);
  expect(new Set(stockRows.map(([id]) => id)).size).toBe(30);
  expect(stockRows.every((row) => row.length === stockColumns.length)).toBe(true);
});

test.each(stockRows)("the page of %d gives its row back", (...row) => {
  expect(readTable(stockPage(row))).toEqual(row);
});

test("a page without the table is an error", () => {
  expect(() => readTable("<table><tr><td>1</td></tr></table>")).toThrow("no table of daily trading");
});

test("the task is an ordinary function that reads the site", async () => {
  const exchange = await startExchange(1);
  onTestFinished(() => exchange.close());
  expect(await getTable({ stockId: 1216, url: exchange.pageUrl(1216) })).toEqual(stockRows[12]);
  await expect(getTable({ stockId: 1, url: exchange.pageUrl(1) })).rejects.toThrow(
    "stock 1: the exchange answered 404",
  );
  expect(exchange.served).toBe(1);
});

test("closing waits for nobody's page", async () => {
  const exchange = await startExchange(3_600_000);
  const page = fetch(exchange.pageUrl(1101));
  const refused = expect(page).rejects.toThrow();
  await exchange.close();
  await refused;
});
