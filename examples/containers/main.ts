/*
 * Python on workers that run containers. Build the image where the worker is, and start the worker with it allowed:
 *
 *   docker build --tag musketeers-python examples/containers
 *   npx musketeers up --workers 0
 *   npx musketeers join 'http://…' --allow-containers
 *   npx tsx examples/containers/main.ts --image "$(docker image inspect --format '{{.Id}}' musketeers-python)"
 */
import { parseArgs } from "node:util";
import { connect, task } from "musketeers";

const { values } = parseArgs({ options: { image: { type: "string" } } });
if (values.image === undefined) {
  console.error("Usage: main.ts --image NAME@sha256:… (or sha256:… of one that the workers have)");
  process.exit(2);
}
const { image } = values;

interface Page {
  readonly html: string;
  readonly rows?: string;
}

interface Extremes {
  readonly smallest: number;
  readonly largest: number;
}

const getTable = task.container<Page, string[][]>({ image, command: ["python3", "/get_table.py"] });
// One set of libraries for all workers: answers are the same bit for bit, so that they may be compared.
const spectrum = task.container<{ seed: number; size: number }, Extremes>({
  image,
  command: ["python3", "/spectrum.py"],
  memory: "256MB",
});

await using cluster = await connect();
const html =
  "<table><tbody><tr><td>1101</td><td>29.7</td></tr><tr><td>1102</td><td>26</td></tr></tbody></table>";
for (const row of await cluster.run(getTable, { html })) console.log(row.join("\t"));

// Wigner's semicircle: the extremes come close to ±2 as matrices grow.
const matrices = [50, 100, 200, 400].map((size, seed) => ({ seed, size }));
for await (const { input, ...result } of cluster.map(spectrum, matrices, { ordered: true })) {
  if (result.ok)
    console.log(`${input.size}\t${result.value.smallest.toFixed(3)}\t${result.value.largest.toFixed(3)}`);
  else console.error(`${input.size}: ${result.error.message}`);
}
