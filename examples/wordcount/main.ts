/*
 * Counts the words of files by a map-reduce, on a cluster of its own with two workers.
 *
 *   npm run --silent example:wordcount -- LICENSE README.md
 */
import { createReadStream, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ownCluster } from "../support/own-cluster.ts";
import { countWords } from "./count-words.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, top: { type: "string", default: "10" } },
});
const top = Number(values.top);
if (positionals.length === 0 || !Number.isInteger(top) || top < 1) {
  console.error("Usage: npm run --silent example:wordcount -- FILE… [--top N] [--json]");
  process.exit(2);
}

// npm starts scripts where the package is, not where its caller stands.
const files = positionals.map((path) => resolve(process.env.INIT_CWD ?? ".", path));
for (const path of files) {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false) continue;
  console.error(`There is no file ${path}`);
  process.exit(2);
}

await using own = await ownCluster(2);
const { cluster } = own;
const contents = files.map((path, at) => ({
  path: `${at}-${basename(path)}`,
  content: () => createReadStream(path),
}));
const books = await cluster.put({ files: contents }, { name: "books" });
const counts = await cluster.mapReduce(countWords, { input: books });

let total = 0;
for await (const [, count] of counts) total += count;
const most = await counts.top(top).toArray();
if (values.json) console.log(JSON.stringify({ total, distinct: counts.size, top: most }));
else {
  console.log(`${total} words, ${counts.size} distinct`);
  for (const [word, count] of most) console.log(`${String(count).padStart(8)} ${word}`);
}
