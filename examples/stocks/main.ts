/*
 * Gathers the tables of many pages of one web site. The workers must allow the site:
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

await using cluster = await connect();
// The site is only known now, so this job asks for it.
for await (const result of cluster.map(getTable, pages, { net: [new URL(site).host], ordered: true })) {
  if (result.ok) for (const row of result.value) console.log(row.join("\t"));
  else console.error(`${result.input.url}: ${result.error.message}`);
}
