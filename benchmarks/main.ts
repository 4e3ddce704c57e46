import { rows } from "./rows.ts";

/* npm run bench -- [--json] [--runs N] [row …] */

const args = process.argv.slice(2);
const json = args.includes("--json");
const runsAt = args.indexOf("--runs");
const runs = runsAt === -1 ? 5 : Number(args[runsAt + 1]);
const named = args.filter((arg, at) => !arg.startsWith("--") && (runsAt === -1 || at !== runsAt + 1));
const unknown = named.filter((name) => rows[name] === undefined);
if (unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
  console.error(`usage: npm run bench -- [--json] [--runs N] [${Object.keys(rows).join(" ")}]`);
  process.exit(2);
}

const results: Record<string, Record<string, number>> = {};
for (const name of named.length > 0 ? named : Object.keys(rows)) {
  const row = rows[name]!;
  const result = await row.run(runs);
  results[name] = result;
  if (json) continue;
  const figures = Object.entries(result).map(([figure, value]) => `${figure} ${value.toLocaleString("en")}`);
  console.log(`${name}  ${row.title.padEnd(50)}  ${figures.join("   ")}`);
}
if (json) console.log(JSON.stringify(results));
