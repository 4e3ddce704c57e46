import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Scenario, seededRandom } from "../../simulator/index.ts";
import { loadStudy } from "./load.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "musketeers-load-"));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));

async function load(name: string, text: string): Promise<Scenario> {
  const path = join(folder, name);
  await writeFile(path, text);
  return (await loadStudy(path)) as Scenario;
}

const rest =
  "durationMs: 1h\njobs: [{ name: j, inputs: 5, workMs: 10ms }]\npopulations: [{ name: p, count: 1 }]\n";

describe("modules", () => {
  test("use the simulator that runs them", async () => {
    const scenario = await load(
      "a.ts",
      `import { exponential, type Scenario } from "musketeers/simulator";
      const workMs: number | ReturnType<typeof exponential> = exponential(20);
      export default { name: "a", durationMs: 1000, jobs: [{ name: "j", inputs: 1, workMs }], populations: [{ name: "p", count: 1 }] } satisfies Scenario;`,
    );
    const { workMs } = scenario.jobs[0]!;
    if (typeof workMs !== "function") throw new Error("a distribution was lost");
    expect(workMs(seededRandom(1))).toBeGreaterThan(0);
  });

  test("that do not build are told where", async () => {
    await expect(load("b.ts", "export default {\n  name: ;\n}")).rejects.toMatchObject({
      code: "BUNDLE_FAILED",
      message: expect.stringContaining("b.ts:2:"),
    });
  });

  test("that throw say why", async () => {
    await expect(load("c.js", 'throw new Error("out of chalk")')).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      message: expect.stringContaining("out of chalk"),
    });
  });

  test("without a default export are no scenario", async () => {
    await expect(load("d.ts", "export const x = 1;")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  });

  test("with a wrong field are told which", async () => {
    const wrong =
      'export default { name: "a", durationMs: 1, jobs: [], populations: [{ name: "p", count: -1, slot: 3 }] }';
    await expect(load("e.ts", wrong)).rejects.toMatchObject({
      message: expect.stringMatching(/jobs: [\s\S]*populations\[0\]\.count: [\s\S]*slot/),
    });
  });
});

describe("YAML", () => {
  test("has times, distributions, speeds and availabilities", async () => {
    const { durationMs, jobs, populations } = await load(
      "a.yaml",
      `name: y
durationMs: 2h
jobs: [{ name: j, inputs: [uniform, 3, 4], workMs: [exponential, 20s], labels: [gpu] }]
populations: [{ name: p, count: 2, speed: pi, availability: [churn, 1h, 10m] }, { name: q, count: 1, availability: volunteer }]
`,
    );
    const random = seededRandom(1);
    const call = (draw: unknown) => (draw as (random: unknown) => number)(random);
    expect(durationMs).toBe(7_200_000);
    expect(call(jobs[0]!.inputs)).toBeGreaterThanOrEqual(3);
    const works = Array.from({ length: 2_000 }, () => call(jobs[0]!.workMs));
    expect(works.reduce((total, work) => total + work, 0) / 2_000 / 20_000).toBeCloseTo(1, 0);
    expect(jobs[0]!.labels).toEqual(["gpu"]);
    expect(call(populations[0]!.speed)).toBeLessThan(1);
    expect(populations.map(({ availability }) => typeof availability)).toEqual(["function", "function"]);
  });

  test("has strangers and what it takes to believe them", async () => {
    const quorum = { agree: 2, of: 3, adaptive: false };
    const { jobs, populations } = await load(
      "strangers.yaml",
      `name: y
durationMs: 2h
jobs: [{ name: j, inputs: 9, workMs: 1s, quorum: { agree: 2, of: 3, adaptive: false }, canaries: 20, engineShare: 0.1 }]
populations:
  - { name: own, count: 1, trusted: true }
  - { name: ring, count: 4, nodesPerPerson: 2, conduct: colluder, engineClass: spidermonkey }
  - { name: sleepers, count: 2, conduct: sleeper, honestInputs: 5, corruptionRate: 0.01 }
`,
    );
    expect(jobs[0]).toMatchObject({ quorum, canaries: 20, engineShare: 0.1 });
    expect(populations[1]).toMatchObject({
      nodesPerPerson: 2,
      conduct: "colluder",
      engineClass: "spidermonkey",
    });
    expect(populations[2]).toMatchObject({ conduct: "sleeper", honestInputs: 5 });
  });

  test.each([
    [
      "a conduct that there is not",
      `name: y\n${rest.replace("count: 1", "count: 1, conduct: thief")}`,
      /conduct/,
    ],
    [
      "a quorum that cannot agree",
      `name: y\n${rest.replace("inputs: 5", "inputs: 5, quorum: { agree: 4, of: 3 }")}`,
      /agree is more than of/,
    ],
    ["no YAML", "name: [", /no YAML/],
    [
      "an unknown distribution",
      `name: y\n${rest.replace("10ms", "[gauss, 1]")}`,
      /workMs cannot be \["gauss",1\]/,
    ],
    ["a number too few", `name: y\n${rest.replace("10ms", "[uniform, 1]")}`, /workMs cannot be/],
    ["a limit that there is not", `name: y\n${rest}limits: { leaseTtl: 3 }\n`, /no limit leaseTtl/],
    ["nothing", "", /no scenario/],
  ])("%s is told", async (_, text, message) => {
    await expect(load("wrong.yaml", text)).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      message: expect.stringMatching(message),
    });
  });
});

test("what is missing is named, and where to read on", async () => {
  await expect(
    load("m.yaml", "name: m\ndurationMs: 1h\njobs: [{ name: j, inputs: 1 }]"),
  ).rejects.toMatchObject({
    code: "BAD_ARGUMENT",
    message: expect.stringMatching(/jobs\[0\]\.workMs: .*\n {2}populations: is missing/),
    hint: expect.stringContaining("docs/simulations.md"),
  });
});

test("full disks, stalls, time-outs and shuffles can be asked for", async () => {
  const hub = "hub: { diskFull: [{ fromMs: 1s, untilMs: 2s }], stalls: [{ atMs: 1s, forMs: 1s }] }";
  const job =
    "{ name: j, inputs: 5, workMs: 1s, timeoutMs: 2s, hangingShare: 0.1, shuffle: { partitions: 2, reduceMs: 1s } }";
  const node =
    "{ name: p, count: 1, keepsOutputs: true, clockJumpRate: 0.1, refusedShare: 0.1, overloadRate: 0.1 }";
  const text = `name: n\ndurationMs: 1h\njobs: [${job}]\npopulations: [${node}]\n${hub}`;
  expect(await load("n.yaml", text)).toMatchObject({
    jobs: [{ timeoutMs: 2_000, shuffle: { reduceMs: 1_000 } }],
    populations: [{ clockJumpRate: 0.1 }],
    hub: { diskFull: [{ fromMs: 1_000, untilMs: 2_000 }] },
  });
});

test("a file that is not there, or of another kind", async () => {
  await expect(loadStudy(join(folder, "none.ts"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(load("a.txt", "hello")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
});
