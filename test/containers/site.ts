/* The exchange's pages of the demo, where containers reach them: site.ts PORT MILLISECONDS-A-PAGE */
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { stockPage } from "../../src/cli/demo/exchange.ts";
import { stockRows } from "../../src/cli/demo/stocks.ts";

const [port, pageMs] = process.argv.slice(2).map(Number);
const server = createServer((request, response) => {
  const id = Number(/^\/stocks\/(\d+)$/.exec(request.url ?? "")?.[1]);
  const row = stockRows.find(([stockId]) => stockId === id);
  void delay(pageMs).then(() => {
    response.writeHead(row === undefined ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
    response.end(row === undefined ? "No such stock" : stockPage(row));
  });
});
server.listen(port, "0.0.0.0", () => process.stdout.write("open\n"));
