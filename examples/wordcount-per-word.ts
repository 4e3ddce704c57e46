/*
 * Counts the words of a text, one task a word: the least that a task can do, so what is left is the
 * cluster's own work.
 *
 *   npx musketeers up
 *   npx tsx examples/wordcount-per-word.ts LICENSE
 */
import { readFile } from "node:fs/promises";
import { connect, task } from "musketeers";

const one = task((word: string): [string, number] => [word, 1]);

// Workers load this file too, for the task. They never get past this line, so what only this machine can
// do, such as reading the text, belongs below it.
await using cluster = await connect();

const path = process.argv[2] ?? "LICENSE";
const words = (await readFile(path, "utf8")).split(/\s+/).filter((word) => word !== "");
const counts = new Map<string, number>();
const startedAt = performance.now();
for await (const [word, number] of cluster.map(one, words).values()) {
  counts.set(word, (counts.get(word) ?? 0) + number);
}
const seconds = (performance.now() - startedAt) / 1000;

const top = [...counts].sort(([, few], [, many]) => many - few).slice(0, 8);
console.log(
  `${words.length} words, ${counts.size} distinct, ${Math.round(words.length / seconds)} words a second`,
);
console.log(top.map(([word, count]) => `${word} ${count}`).join("  "));
