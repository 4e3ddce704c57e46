import { parseArgs } from "node:util";
import { sandboxesHere, tryEscapes } from "./escapes.ts";

/* npm run escapes -- [--json]: a line for each sandbox that is here */

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });

let escapedInAll = 0;
for (const executor of await sandboxesHere()) {
  const report = await tryEscapes(executor, ({ attempt, escaped, told, seen }) => {
    const [line] = told.split("\n");
    if (escaped || !values.json)
      process.stderr.write(
        `${escaped ? "ESCAPED" : "denied "}  ${attempt}: ${line}\n         ${seen.length === 0 ? "nothing is in the log" : `log: ${seen.join("; ")}`}\n`,
      );
  });
  await executor.close();
  const { sandbox, tried, escaped, unlogged } = report;
  escapedInAll += escaped + unlogged;
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ sandbox, tried, escaped, unlogged })}\n`
      : `${sandbox}: ${tried} ways out tried, ${escaped} escaped, ${unlogged} missing in the log\n`,
  );
}
process.exitCode = escapedInAll > 0 ? 1 : 0;
