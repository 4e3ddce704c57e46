import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type StockRow, stockColumns, stockRows } from "./stocks.ts";

/** A web site like that of a stock exchange: one page a stock, none of them fast. */
export interface Exchange {
  /** `127.0.0.1:PORT`, as a task's `net` grants it. */
  readonly host: string;
  /** Address of a stock's page. */
  pageUrl(stockId: number): string;
  /** Pages that were served. */
  readonly served: number;
  close(): Promise<void>;
}

const grouped = (value: number): string => value.toLocaleString("en-US");
const price = (value: number): string => value.toFixed(2);
const signed = (value: number): string => (value > 0 ? "+" : "") + price(value);

const cellsOf = ([id, date, shares, turnover, open, high, low, close, change, deals]: StockRow): string[] => [
  String(id),
  date,
  grouped(shares),
  grouped(turnover),
  ...[open, high, low, close].map(price),
  signed(change),
  grouped(deals),
];

/** One stock's page: a table among what pages have around their tables. */
export function stockPage(row: StockRow): string {
  const cell = (tag: string) => (text: string) => `<${tag}>${text}</${tag}>`;
  const menu = ["Markets", "Products", "Listed companies", "Statistics", "About"];
  return `<!doctype html>
<html lang="zh-Hant">
<head>
<meta charset="utf-8">
<title>${row[0]} | Daily trading | Local exchange</title>
<style>td { text-align: right } nav li { display: inline }</style>
<script>if (1 < 2 && "<td>0</td>") window.visits = (window.visits || 0) + 1;</script>
</head>
<body>
<header><h1>Local exchange</h1>
<nav><ul>${menu.map((item) => `<li><a href="#">${item}</a>`).join("")}</ul></nav></header>
<!-- <table class="daily"><tr><td>an old layout</td></tr></table> -->
<main>
<table class="notice"><tr><td>Prices are in TWD &amp; exclude after-hours trading.</td></tr></table>
<h2>Trading of ${row[0]}</h2>
<table class="daily">
<thead><tr>${stockColumns.map(cell("th")).join("")}</tr></thead>
<tbody>
<tr>${cellsOf(row).map(cell("td")).join("\n")}</tr>
</tbody>
</table>
</main>
<footer><p>Facts of 12 May 2016.</p></footer>
</body>
</html>
`;
}

/** Starts the site on a free port of this machine; each page takes `pageMs`. */
export async function startExchange(pageMs: number): Promise<Exchange> {
  const rows = new Map(stockRows.map((row) => [row[0], row]));
  const closing = new AbortController();
  let served = 0;
  const answer = async (path: string, response: ServerResponse): Promise<void> => {
    const row = rows.get(Number(/^\/stocks\/(\d+)$/.exec(path)?.[1]));
    await pause(pageMs, undefined, { signal: closing.signal });
    response.writeHead(row === undefined ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
    response.end(row === undefined ? "<!doctype html><title>No such stock</title>" : stockPage(row));
    if (row !== undefined) served++;
  };
  const server = createServer((request, response) => {
    answer(request.url ?? "/", response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    pageUrl: (stockId) => `http://${host}/stocks/${stockId}`,
    get served() {
      return served;
    },
    close: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
