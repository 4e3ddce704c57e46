import { parseArgs } from "node:util";
import { sandboxesHere, tryEscapes } from "./escapes.ts";

/* npm run escapes -- [--json]: a line for each sandbox that is here */

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });

let escapedInAll = 0;
for (const executor of await sandboxesHere()) {
  const report = await tryEscapes(executor, ({ attempt, escaped, told }) => {
    const [line] = told.split("\n");
    if (escaped || !values.json)
      process.stderr.write(`${escaped ? "ESCAPED" : "denied "}  ${attempt}: ${line}\n`);
  });
  await executor.close();
  const { sandbox, tried, escaped } = report;
  escapedInAll += escaped;
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ sandbox, tried, escaped })}\n`
      : `${sandbox}: ${tried} ways out tried, ${escaped} escaped\n`,
  );
}
process.exitCode = escapedInAll > 0 ? 1 : 0;
