/*
 * Gathers one table from many pages of one web site, and says who fetched how many. The workers must allow the site:
 *
 *   npx musketeers up --allow-net example.org
 *   npx tsx examples/stocks/main.ts --site https://example.org/stocks/ --rows "table tbody tr" 1101 1102 1103
 */
import { parseArgs } from "node:util";
import { connect } from "musketeers";
import { getTable } from "./get-table.ts";

const { values, positionals: stocks } = parseArgs({
  allowPositionals: true,
  options: { site: { type: "string" }, rows: { type: "string", default: "table tbody tr" } },
});
if (values.site === undefined || stocks.length === 0) {
  console.error("Usage: main.ts --site URL [--rows SELECTOR] STOCK…");
  process.exit(2);
}

const { site, rows } = values;
const pages = stocks.map((stock) => ({ url: new URL(stock, site).href, rows }));

const pagesBy = new Map<string, number>();
await using cluster = await connect();
// The site is only known now, so this job asks for it.
for await (const result of cluster.map(getTable, pages, { net: [new URL(site).host], ordered: true })) {
  pagesBy.set(result.worker, (pagesBy.get(result.worker) ?? 0) + 1);
  const stock = stocks[result.index];
  if (result.ok) for (const row of result.value) console.log([stock, ...row].join("\t"));
  else console.error(`${stock}: ${result.error.message}`);
}
for (const [worker, count] of pagesBy) console.error(`${worker} fetched ${count}`);
