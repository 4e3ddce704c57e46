import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { makeHome, musketeers, startUp } from "./support/program.ts";

/* Map-reduces as people run them: with the program. */

// Many processes one after the other, on a machine that may be very busy.
vi.setConfig({ testTimeout: 300_000 });

const countWords = "examples/wordcount/count-words.ts";

test("run prints what a map-reduce over datasets gives, or saves it as a dataset", async () => {
  const home = await makeHome();
  await mkdir(join(home, "books", "more"), { recursive: true });
  await writeFile(join(home, "books", "a.txt"), "b a b\nc b\n");
  await writeFile(join(home, "books", "more", "d.txt"), "d a\n".repeat(5000));
  const { up } = await startUp(home, ["--workers", "1"]);
  const run = (...args: string[]) => musketeers(args, home).ended;
  expect((await run("put", join(home, "books"), "--name", "books")).status).toBe(0);

  const whole = await run("run", countWords, "--input", "books");
  expect(whole.stdout).toBe('["a",5001]\n["b",3]\n["c",1]\n["d",5000]\n');
  expect(whole).toMatchObject({ status: 0, stderr: expect.stringContaining("4 pairs") });
  const top = await run(
    "run",
    countWords,
    "--input",
    "books/a.txt",
    "--top",
    "1",
    "--json",
    "--segment-bytes",
    "10",
  );
  expect([top.status, top.stdout, top.stderr]).toEqual([0, '["b",3]\n', ""]);

  const save = ["run", countWords, "--input", "books", "--input", "books/a.txt", "--output", "counts"];
  const saved = await run(...save, "--partitions", "1", "--json");
  expect(JSON.parse(saved.stdout)).toMatchObject({ name: "counts", pairs: 4 });
  expect((await run("cat", "counts/part-00000.jsonl")).stdout).toBe(
    '["a",5002]\n["b",6]\n["c",2]\n["d",5000]\n',
  );
  const taken = await run(...save);
  expect([taken.status, taken.stderr]).toEqual([2, expect.stringContaining("a dataset counts already")]);
  // Nothing was computed for a name that is not to be had.
  expect(taken.stderr).not.toContain("pairs in");
  expect((await run(...save, "--replace")).status).toBe(0);

  const handed = await run("run", countWords, "--input", "books", "--detach");
  expect(handed).toMatchObject({ status: 0, stderr: expect.stringContaining("musketeers results") });
  const job = handed.stdout.trim();
  expect((await run("results", job)).stdout).toBe('["a",5001]\n["b",3]\n["c",1]\n["d",5000]\n');
  expect((await run("results", job, "--top", "1")).stdout).toBe('["a",5001]\n');
  const later = await run("results", job, "--output", "later", "--json");
  expect(JSON.parse(later.stdout)).toMatchObject({ name: "later", pairs: 4 });
  const both = await run("run", countWords, "--input", "books", "--detach", "--top", "1");
  expect([both.status, both.stderr]).toEqual([2, expect.stringContaining("musketeers results")]);

  // No text: what goes wrong in a task is said with its own code, not as a bug.
  await writeFile(join(home, "no-text"), Uint8Array.of(97, 10, 0xff, 10));
  expect((await run("put", join(home, "no-text"), "--name", "no-text")).status).toBe(0);
  const broken = await run("run", countWords, "--input", "no-text");
  expect([broken.status, broken.stderr]).toEqual([1, expect.stringMatching(/no UTF-8[\s\S]*INVALID_DATA/)]);
  const missing = await run("run", countWords, "--input", "none");
  expect([missing.status, missing.stderr]).toEqual([3, expect.stringContaining("none")]);
  const without = await run("run", countWords);
  expect([without.status, without.stderr]).toEqual([2, expect.stringContaining("--input")]);
  const task = await run("run", "examples/iris/grow.ts", "--input", "books");
  expect([task.status, task.stderr]).toEqual([2, expect.stringContaining("--inputs")]);
  await up.stop();
});
