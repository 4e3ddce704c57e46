import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DatasetSummary } from "../src/protocol/index.ts";
import { type Ended, makeHome, musketeers, startUp } from "./support/program.ts";

/* Datasets as people use them: with the program. */

/** Each starts the program many times, which takes seconds on a slow machine. */
const slow = { timeout: 300_000 };

const noise = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = length; i < length; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
};

async function books(home: string): Promise<Record<string, Uint8Array>> {
  const files = { "alice.txt": noise(152_089), "more/large.bin": noise(2_000_000), "more/ä.txt": noise(7) };
  await mkdir(join(home, "books", "more"), { recursive: true });
  for (const [path, bytes] of Object.entries(files)) await writeFile(join(home, "books", path), bytes);
  return files;
}

test("cid says what a file is called in the world, without a hub", slow, async () => {
  const home = await makeHome();
  const path = join(home, "hello.txt");
  await writeFile(path, "hello world");
  const hello = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
  const { status, stdout } = await musketeers(["cid", path], home).ended;
  expect([status, stdout]).toEqual([0, `${hello}\n`]);
  expect((await musketeers(["cid", "-"], home, "hello world").ended).stdout).toBe(`${hello}\n`);
  await writeFile(join(home, "large"), noise(600_000));
  const whole = await musketeers(["cid", join(home, "large"), home, "--json"], home).ended;
  expect((JSON.parse(whole.stdout) as { cid: string }[]).map(({ cid }) => cid.slice(0, 7))).toEqual([
    "bafybei",
    "bafybei",
  ]);
  const chunked = await musketeers(["cid", "--chunker", "size-1000000", join(home, "large")], home).ended;
  expect(chunked.stdout).toMatch(/^bafkrei/);
  const nothing = await musketeers(["cid", join(home, "nothing")], home).ended;
  expect([nothing.status, nothing.stderr]).toEqual([3, expect.stringContaining("NOT_FOUND")]);
  expect(await readdir(home)).not.toContain("hub");
});

test("put, ls, cat, get and rm do what they say; what was got or put partly goes on", slow, async () => {
  const home = await makeHome();
  const files = await books(home);
  const { up } = await startUp(home, ["--workers", "0"]);
  const run = (...args: string[]): Promise<Ended> => musketeers(args, home).ended;
  const put = await run("put", join(home, "books"), "--name", "books");
  expect([put.status, put.stdout]).toEqual([
    0,
    expect.stringMatching(/^baf.* {2}alice\.txt\n(.*\n)+baf.*books.*3 files/),
  ]);
  const again = await run("put", join(home, "books"), "--name", "books", "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ name: "books", bytes: 2_152_096, sentBytes: 0 });
  const listed = JSON.parse((await run("ls", "--json")).stdout) as DatasetSummary[];
  expect(listed).toMatchObject([{ name: "books", files: 3, bytes: 2_152_096 }]);
  expect((await run("ls")).stdout).toMatch(/DATASET.*\nbooks +3 /);
  const shown = JSON.parse((await run("ls", "books/more", "--json")).stdout) as {
    name: string;
    cid: string;
  }[];
  expect(shown.map(({ name }) => name)).toEqual(["more/large.bin", "more/ä.txt"]);
  const nothing = await run("cat", "books/alice.txt", "--offset", "10", "--length", "0");
  expect([nothing.status, nothing.stdout]).toEqual([0, ""]);

  const out = join(home, "out");
  expect((await run("get", "books", out)).stdout).toContain("3 files");
  for (const [path, bytes] of Object.entries(files)) {
    expect(Buffer.compare(await readFile(join(out, path)), bytes)).toBe(0);
  }
  // As a get that was cut leaves it: a part under its own name, the rest missing.
  const large = join(out, "more", "large.bin");
  const part = `${large}.${shown[0]!.cid.slice(-12)}.part`;
  await writeFile(part, await readFile(large));
  await truncate(part, 1_500_000);
  await writeFile(large, "something else");
  const refused = await run("get", "books", out);
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("holds something else")]);
  const got = JSON.parse((await run("get", "books", out, "--force", "--json")).stdout) as object;
  expect(got).toMatchObject({ files: 3, bytes: 2_152_096, keptBytes: 152_089 + 7 + 5 * 262_144 });
  expect(Buffer.compare(await readFile(large), files["more/large.bin"]!)).toBe(0);
  expect((await readdir(join(out, "more"))).sort()).toEqual(["large.bin", "ä.txt"]);

  expect((await musketeers(["put", "-", "--name", "letter"], home, "dear friend").ended).status).toBe(0);
  expect((await run("cat", "letter")).stdout).toBe("dear friend");
  expect((await run("rm", "letter")).status).toBe(0);
  expect((await run("ls", "letter")).status).toBe(3);
  // Into a folder that is there, under its own name.
  expect((await run("get", "books/alice.txt", join(out, "more"))).status).toBe(0);
  expect(await readdir(join(out, "more"))).toContain("alice.txt");
  for (const [args, status] of [
    [["get", "books", "-"], 2],
    [["put", join(home, "nothing")], 3],
    [["cat", "books"], 2],
    [["get", "nothing"], 3],
  ] as const) {
    expect([args, (await run(...args)).status]).toEqual([args, status]);
  }
  const taken = await musketeers(["put", "-", "--name", "books"], home, "x").ended;
  expect([taken.status, taken.stderr]).toEqual([2, expect.stringContaining("DATASET_EXISTS")]);
  expect((await up.stop()).status).toBe(0);
});

test("a dataset goes from one hub to another as a CAR; one that is cut off is refused", slow, async () => {
  const home = await makeHome();
  await books(home);
  const first = await startUp(home, ["--workers", "0"]);
  expect((await musketeers(["put", join(home, "books"), "--name", "books"], home).ended).status).toBe(0);
  const car = join(home, "books.car");
  const exported = await musketeers(["car", "export", "books", car, "--json"], home).ended;
  const { cid } = JSON.parse(exported.stdout) as { cid: string };
  expect((await first.up.stop()).status).toBe(0);
  const other = await makeHome();
  const second = await startUp(other, ["--workers", "0"]);
  const imported = await musketeers(["car", "import", car, "--name", "copy", "--json"], other).ended;
  expect(JSON.parse(imported.stdout)).toEqual({ name: "copy", roots: [cid] });
  const put = await musketeers(["put", join(home, "books"), "--json"], other).ended;
  expect(JSON.parse(put.stdout)).toMatchObject({ cid, sentBytes: 0 });
  await truncate(car, 1_000_000);
  const cut = await musketeers(["car", "import", car, "--name", "cut"], other).ended;
  expect([cut.status, cut.stderr]).toEqual([2, expect.stringContaining("CAR_MALFORMED")]);
  expect((await musketeers(["ls", "cut"], other).ended).status).toBe(3);
  expect((await second.up.stop()).status).toBe(0);
});
