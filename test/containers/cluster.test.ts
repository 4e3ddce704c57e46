import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stockRows } from "../../src/cli/demo/stocks.ts";
import { makeHome, root } from "../support/program.ts";
import { composeWith, docker, engineOf, image, musketeersInside, nodeInside } from "./rig.ts";

const SITE = "10.89.7.1:8089";

test("the micro-cluster: a crawl from outside while a worker is killed, more workers, and down and up again", async (context) => {
  const engine = engineOf(context);
  const home = await makeHome();
  const allow = `--allow-net ${SITE}`;
  const settings = { IMAGE: image, PORT: "7277", HUB_OPTIONS: allow, WORKER_OPTIONS: allow };
  const compose = composeWith(engine, settings);
  onTestFinished(async () => {
    await compose(["down", "--volumes", "--timeout", "1"]);
  });
  await compose(["up", "--detach", "--no-build", "--scale", "worker=2"]);

  const site = nodeInside(engine, ["--import", "tsx", "test/containers/site.ts", "8089", "500"], home);
  await site.until(/open/);
  let submit = "";
  await expect
    .poll(async () => {
      submit = await compose(["exec", "-T", "hub", "musketeers", "invite", "--role", "submitter"]).catch(
        () => "",
      );
      return submit;
    })
    .toContain("http://127.0.0.1:7277/join#");
  const env = { MUSKETEERS_HUB: submit };
  const call = (args: readonly string[], input?: string) =>
    musketeersInside(engine, args, home, { env, ...(input === undefined ? {} : { input }) });
  const workers = async () => JSON.parse(await call(["workers", "--json"])) as Record<string, unknown>[];
  await expect.poll(workers).toHaveLength(2);
  expect(await workers()).toMatchObject(
    Array.from({ length: 2 }, () => ({ slots: 1, memoryBytes: 1536 * 1024 * 1024, sandbox: "deno" })),
  );

  // The crawl of 2016, by the example that submitters read; a worker is killed in its middle.
  const stocks = stockRows.map(([id]) => String(id));
  const crawl = nodeInside(
    engine,
    [
      ...["--import", "tsx", "examples/stocks/main.ts"],
      ...["--site", `http://${SITE}/stocks/`, "--rows", ".daily tbody tr", ...stocks],
    ],
    home,
    { env },
  );
  await crawl.until(/^1101\t/m);
  const [victim = ""] = (await compose(["ps", "--quiet", "worker"])).split("\n");
  await docker(engine, ["kill", victim]);
  const crawled = await crawl.ended;
  expect(crawled.status).toBe(0);
  // Who fetched how many, and nothing else.
  const fetched = crawled.stderr.trim().split("\n");
  expect(fetched.every((line) => /^\S+ fetched \d+$/.test(line))).toBe(true);
  expect(fetched.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0)).toBe(stocks.length);
  const rows = crawled.stdout.trim().split("\n");
  expect(rows.map((row) => row.split("\t")[0])).toEqual(stocks);
  // The stock, and the page's row behind it.
  expect(rows.map((row) => row.split("\t")[8])).toEqual(
    stockRows.map(([, , , , , , , close]) => close.toFixed(2)),
  );

  await compose(["up", "--detach", "--no-build", "--scale", "worker=5"]);
  await expect.poll(workers).toHaveLength(5);
  const file = join(home, "square.ts");
  await writeFile(
    file,
    'import { task } from "musketeers";\nexport const square = task((x: number) => x * x);\n',
  );
  const numbers = Array.from({ length: 2_000 }, (_, at) => at);
  const squares = await call(["run", file, "--values"], `${numbers.join("\n")}\n`);
  const sorted = squares
    .trim()
    .split("\n")
    .map(Number)
    .toSorted((a, b) => a - b);
  expect(sorted).toEqual(numbers.map((x) => x * x));

  // Words of the project's own pages: the first column of the table of limits names each of them once.
  await call(["put", join(root, "docs/limits.md"), "--name", "limits"]);
  const counted = await call(["run", join(root, "examples/wordcount/count-words.ts"), "--input", "limits"]);
  const pairs = new Map(
    counted
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as [string, number]),
  );
  const words = (await readFile(join(root, "docs/limits.md"), "utf8")).split(/[ \n]/);
  for (const word of ["`frameBytesMax`", "the", "|"]) {
    expect([word, pairs.get(word)]).toEqual([word, words.filter((each) => each === word).length]);
  }

  const jobsOf = async () =>
    JSON.parse(await call(["jobs", "--json"])) as { job: string; state: string; title: string }[];
  const before = await jobsOf();
  expect(before.map(({ state }) => state)).toEqual(["done", "done", "done"]);
  await compose(["down"]);
  await compose(["up", "--detach", "--no-build", "--scale", "worker=2"]);
  await expect.poll(() => workers().catch(() => [])).toHaveLength(2);
  expect(await jobsOf()).toEqual(before);
  const square = before.find(({ title }) => title === "square")!;
  const again = (await call(["results", square.job, "--values"])).trim().split("\n").map(Number);
  expect(again.toSorted((a, b) => a - b)).toEqual(sorted);
  expect(await call(["run", file, "--values"], "12\n")).toBe("144\n");
});
