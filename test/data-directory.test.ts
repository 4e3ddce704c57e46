import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeHome, musketeers, type Running, startUp } from "./support/program.ts";

/* A hub's data directory as its operator meets it: used twice, killed, damaged, checked, repaired. */

const TIMEOUT_MS = 120_000;

const squares = `
import { task } from "musketeers";
export const square = task((n: number) => n * n);
`;

interface Place {
  readonly home: string;
  readonly data: string;
  readonly file: string;
}

async function makePlace(): Promise<Place> {
  const home = await makeHome();
  const file = join(home, "square.ts");
  await writeFile(file, squares);
  return { home, data: join(home, "data"), file };
}

const upOn = ({ home, data }: Place): Running =>
  musketeers(["up", "--json", "--listen", "127.0.0.1:0", "--workers", "0", "--data", data], home);

async function runSquares({ home, file }: Place, count: number): Promise<void> {
  const input = Array.from({ length: count }, (_, n) => `${n}\n`).join("");
  const ended = await musketeers(["run", file], home, input).ended;
  expect(ended.status, ended.stderr).toBe(0);
}

async function segmentOf({ data }: Place): Promise<string> {
  const [name] = (await readdir(join(data, "journal"))).filter((each) => each.endsWith(".log"));
  return join(data, "journal", name!);
}

test(
  "two hubs do not share it; after kill -9 the next one has it at once",
  async () => {
    const place = await makePlace();
    const first = upOn(place);
    await first.until(/^\{.*\}$/m);
    const second = await upOn(place).ended;
    expect(second.status).toBe(2);
    expect(JSON.parse(second.stderr.trim().split("\n").at(-1)!)).toMatchObject({
      error: { code: "DATA_IN_USE" },
    });
    const checked = await musketeers(["journal", "check", place.data, "--json"], place.home).ended;
    expect([checked.status, JSON.parse(checked.stdout)]).toEqual([
      0,
      expect.objectContaining({ state: "sound", inUse: true }),
    ]);
    const repaired = await musketeers(["journal", "repair", place.data], place.home).ended;
    expect([repaired.status, repaired.stderr]).toEqual([2, expect.stringContaining("DATA_IN_USE")]);
    await first.stop("SIGKILL");
    const third = upOn(place);
    await third.until(/^\{.*\}$/m);
    expect((await third.stop()).status).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "damage is refused by name, checked, and cut off; what stood before it is there",
  async () => {
    const place = await makePlace();
    const { home, data } = place;
    const { up } = await startUp(home, ["--data", data]);
    await runSquares(place, 100);
    const boundary = (await stat(await segmentOf(place))).size;
    await runSquares(place, 100);
    await up.stop("SIGKILL");

    const segment = await segmentOf(place);
    const bytes = await readFile(segment);
    bytes[boundary + 30]! ^= 4;
    await writeFile(segment, bytes);

    const refused = await upOn(place).ended;
    expect(refused.status).toBe(70);
    const { error } = JSON.parse(refused.stderr.trim().split("\n").at(-1)!) as {
      error: Record<string, string>;
    };
    expect(error).toMatchObject({
      code: "JOURNAL_CORRUPT",
      message: expect.stringMatching(/journal\/\d{16}\.log, offset \d+: /),
      hint: expect.stringContaining("musketeers journal check"),
    });

    const checked = await musketeers(["journal", "check", data], home).ended;
    expect(checked.status).toBe(70);
    expect(checked.stdout).toContain(segment);
    expect(checked.stdout).toContain(`musketeers journal repair ${data}`);
    // Looking changes nothing.
    expect(Buffer.compare(await readFile(segment), bytes)).toBe(0);

    const repaired = await musketeers(["journal", "repair", data, "--json"], home).ended;
    expect([repaired.status, repaired.stderr]).toEqual([0, ""]);
    const report = JSON.parse(repaired.stdout) as { aside: string; files: string[]; jobs: number };
    expect(report.files).toEqual([expect.stringMatching(/\.log$/), "manifest"]);
    expect(report.jobs).toBeGreaterThan(0);
    expect(Buffer.compare(await readFile(join(report.aside, report.files[0]!)), bytes)).toBe(0);
    expect((await musketeers(["journal", "check", data, "--blobs"], home).ended).status).toBe(0);

    const { up: again } = await startUp(home, ["--data", data]);
    const jobs = await musketeers(["jobs", "--json"], home).ended;
    const done = (JSON.parse(jobs.stdout) as { done: number }[]).map((job) => job.done);
    expect(done).toContain(100);
    await runSquares(place, 100);
    expect((await again.stop()).status).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "a directory that is none says so",
  async () => {
    const { home } = await makePlace();
    const missing = await musketeers(["journal", "check", join(home, "nothing")], home).ended;
    expect([missing.status, missing.stderr]).toEqual([3, expect.stringContaining("NOT_FOUND")]);
    const empty = await musketeers(["journal", "check", home], home).ended;
    expect([empty.status, empty.stderr]).toEqual([3, expect.stringContaining("There is no journal in")]);
  },
  TIMEOUT_MS,
);

test(
  "a hub whose directory was taken over, or removed, stops and says so",
  async () => {
    for (const change of ["taken over", "removed"] as const) {
      const place = await makePlace();
      const { home, data } = place;
      const { up } = await startUp(home, ["--data", data, "--name", "local"]);
      if (change === "removed") await rm(data, { recursive: true, force: true, maxRetries: 10 });
      else {
        // As another machine that shares the directory does.
        await writeFile(join(data, "other"), "process 1 on elsewhere");
        await rename(join(data, "other"), join(data, "owner"));
      }
      const running = musketeers(["run", place.file], home, "1\n");
      const ended = await up.ended;
      expect([change, ended.status]).toEqual([change, 2]);
      expect(ended.stderr).toContain("DATA_IN_USE");
      expect(ended.stderr).toContain(change === "removed" ? "removed" : "process 1 on elsewhere");
      await running.stop("SIGKILL");
    }
  },
  TIMEOUT_MS,
);
