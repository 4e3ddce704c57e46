import stringWidth from "string-width";
import { expect, test } from "vitest";
import { styleFor } from "../render/style.ts";
import { renderCrawl } from "./report.ts";
import { stockRows } from "./stocks.ts";

const plain = styleFor(false, {});
const report = { rows: stockRows, wallMs: 1_000, perWorker: { musketeer1: 30 } };
const table = (columnsMax?: number) => renderCrawl(report, plain, columnsMax).split("\n\n")[0]!.split("\n");

test.each([120, 80, 60, 40])("a terminal of %i columns gets a table that does not wrap", (columns) => {
  const lines = table(columns);
  expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(columns);
  expect(lines[0]).toContain("收盤價");
  expect(lines).toHaveLength(1 + 12 + 1);
  expect(lines.at(-1)).toBe(`… and ${stockRows.length - 12} more`);
});

test("a wide one gets all columns, and what is no terminal all rows, too", () => {
  expect(table(120)[0]).toContain("成交筆數");
  expect(table()).toHaveLength(1 + stockRows.length);
});
