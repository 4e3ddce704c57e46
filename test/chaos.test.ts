import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { makeHome, script } from "./support/program.ts";

/* A few rounds of what `npm run chaos` does; CONTRIBUTING.md says more. */

const main = fileURLToPath(new URL("./chaos/main.ts", import.meta.url));

test("whole clusters outlive random faults with nothing lost, doubled or wrong", {
  timeout: 300_000,
}, async () => {
  const chaos = script([main, "--rounds", "3", "--seed", "7", "--json"], await makeHome());
  const { status, stdout, stderr } = await chaos.ended;
  expect(JSON.parse(stdout), stderr).toEqual({ rounds: 3, lost: 0, doubled: 0, wrong: 0 });
  expect(status, stderr).toBe(0);
});
