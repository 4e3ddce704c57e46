import { readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stockRows } from "../src/cli/demo/stocks.ts";
import { makeHome, musketeers } from "./support/program.ts";

const TIMEOUT_MS = 180_000;

const demoDirectories = async () =>
  (await readdir(tmpdir())).filter((name) => name.startsWith("musketeers-demo-"));

test("the demo gathers all tables, shares the work, counts the words, and paints", {
  timeout: TIMEOUT_MS,
}, async () => {
  const home = await makeHome();
  const before = await demoDirectories();
  const ended = await musketeers(["demo", "--once", "--json"], home).ended;
  expect(ended).toMatchObject({ status: 0, stderr: "" });
  const { crawl, wordCount, picture } = JSON.parse(ended.stdout);
  expect(crawl.rows).toEqual(stockRows);
  expect(Object.keys(crawl.perWorker)).toEqual(["musketeer1", "musketeer2", "musketeer3", "musketeer4"]);
  expect(Math.min(...(Object.values(crawl.perWorker) as number[]))).toBeGreaterThan(0);
  expect(wordCount.total).toBeGreaterThan(1_500);
  expect(wordCount.top).toHaveLength(8);
  expect(wordCount.top[0][1]).toBeGreaterThan(wordCount.top[7][1]);
  expect(picture).toMatchObject({ width: 288, height: 192, parts: 24 });
  expect((await demoDirectories()).filter((name) => !before.includes(name))).toEqual([]);
  expect(await readdir(home)).not.toContain("hubs.json");
});

test("it stays up with things to try, which work, and ends on Ctrl-C", { timeout: TIMEOUT_MS }, async () => {
  const home = await makeHome();
  const text = join(home, "text");
  await writeFile(text, "one for all\nall for one\n");
  const demo = musketeers(["demo", "--text", text], home);
  const [, file] = await demo.until(/npx musketeers run '([^']+)' --hub demo/);
  const [, invite] = await demo.until(/npx musketeers join --name dartagnan '([^']+)'/);
  expect(demo.stdout).toContain("6 words, one task a word");
  const [, job] = await demo.until(/http:\/\/127\.0\.0\.1:\d+\/#\S+\/picture\/(\S+)/);
  const run = await musketeers(["run", file!, "--hub", "demo", "--values", "--ordered"], home, "one\nall\n")
    .ended;
  expect(run).toMatchObject({ status: 0, stdout: '["one",1]\n["all",1]\n' });
  const jobs = await musketeers(["jobs", "--hub", "demo", "--json"], home).ended;
  expect(JSON.parse(jobs.stdout)).toContainEqual(
    expect.objectContaining({ job, picture: { width: 1152, height: 768 } }),
  );
  const fifth = musketeers(["join", "--accept", "--name", "dartagnan", invite!], home);
  await fifth.until(/Joined demo as dartagnan/);
  const workers = await musketeers(["workers", "--hub", "demo", "--json"], home).ended;
  expect(JSON.parse(workers.stdout)).toHaveLength(5);
  expect((await fifth.stop("SIGTERM")).status).toBe(0);
  expect((await demo.stop("SIGINT")).status).toBe(0);
});

test("plain HTTP is declined where nobody else listens", async () => {
  const home = await makeHome();
  const { status, stderr } = await musketeers(["demo", "--insecure-http"], home).ended;
  expect(status).toBe(2);
  expect(stderr).toContain("goes together with --lan");
});
