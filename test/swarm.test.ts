import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { PACKAGE_VERSION } from "../src/protocol/index.ts";
import { makeHome, script } from "./support/program.ts";
import { plantedBugs } from "./swarm/planted-bugs.ts";

const main = fileURLToPath(new URL("./swarm/main.ts", import.meta.url));
const swarm = async (...args: string[]) => script([main, ...args], await makeHome());

test.each(plantedBugs)("there is a place for $name", async ({ file, find, replace }) => {
  const text = await readFile(new URL(`../src/${file}`, import.meta.url), "utf8");
  expect(text.split(find)).toHaveLength(2);
  expect(replace).not.toBe(find);
});

test("the swarm says how many scenarios it ran, and nothing else where it finds nothing", async () => {
  const { status, stdout, stderr } = await (await swarm("--scenarios", "20", "--json")).ended;
  expect(stdout, stderr).toBe('{"scenarios":20,"violations":0}\n');
  expect(stderr).not.toContain("violation");
  expect(status).toBe(0);
});

test.each([
  ["crash", 21, "late results of a job that is gone are a surprise"],
  ["liveness", 22, "a lease that is not expired"],
  ["correctness", 23, "a result accepted twice"],
])(
  "a %s ends the swarm with status %i, and is told with seed, version and the shortest prefix",
  async (kind, expected, bug) => {
    const { name } = plantedBugs.find((planted) => planted.name === bug)!;
    const run = await swarm("--soak", "--planted", name);
    const { status, stdout, stderr } = await run.ended;
    expect(stderr).toMatch(new RegExp(`^${kind}: seed \\d+, version ${PACKAGE_VERSION}: `, "m"));
    expect(stderr).toMatch(/^ {4}shortest prefix: \d+ steps of the scheduler/m);
    expect(stdout).toMatch(/^\d+ scenarios, 1 violations\n$/);
    expect(status, stderr).toBe(expected);
  },
);

test("a soak goes on until it is interrupted, and then says what it did", async () => {
  const run = await swarm("--soak");
  await run.until(/until Ctrl-C/, "stderr");
  const { status, stdout, stderr } = await run.stop("SIGINT");
  expect(stdout, stderr).toMatch(/^\d+ scenarios, 0 violations\n$/);
  expect(stderr).toContain("virtual hours");
  expect(status).toBe(0);
});

test("what is no number, and a bug that nobody planted, are refused", async () => {
  expect((await (await swarm("--seed", "one")).ended).status).toBe(2);
  const { status, stderr } = await (await swarm("--planted", "nonsense")).ended;
  expect(stderr).toContain("planted-bugs.ts");
  expect(status).toBe(2);
});
