import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readProfiles, writeProfile } from "../../client/node.ts";
import { lendProfile } from "./profile.ts";

let home = "";

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "musketeers-profile-"));
  vi.stubEnv("MUSKETEERS_HOME", home);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true, maxRetries: 10 });
});

const lab = { invite: "http://lab/join#x", url: "http://lab" };
const other = { invite: "http://other/join#x", url: "http://other" };

test("a hub that runs is the default; afterwards all is as before", async () => {
  await writeProfile("lab", lab);
  const before = await readProfiles();
  const restore = await lendProfile("local", "http://a/join#x", "http://a");
  expect(await readProfiles()).toMatchObject({ default: "local", hubs: { lab, local: { url: "http://a" } } });
  await restore();
  expect(await readProfiles()).toEqual(before);
});

test("what someone chose meanwhile stays", async () => {
  const restore = await lendProfile("local", "http://a/join#x", "http://a");
  await writeProfile("other", other);
  await restore();
  expect(await readProfiles()).toEqual({ default: "other", hubs: { other } });
});

test("a second hub of the same name keeps its profile", async () => {
  const restoreFirst = await lendProfile("local", "http://a/join#x", "http://a");
  const restoreSecond = await lendProfile("local", "http://b/join#x", "http://b");
  await restoreFirst();
  expect((await readProfiles()).hubs.local).toMatchObject({ url: "http://b" });
  await restoreSecond();
  expect(await readProfiles()).toEqual({ hubs: {} });
});

test("a hub runs where its profile cannot be written, and says so", async () => {
  const file = join(home, "file");
  await writeFile(file, "");
  vi.stubEnv("MUSKETEERS_HOME", join(file, "below"));
  const troubles: string[] = [];
  const restore = await lendProfile("local", "http://a/join#x", "http://a", (trouble) =>
    troubles.push(trouble),
  );
  await restore();
  expect(troubles).toEqual([
    expect.stringMatching(/profile local could not be kept/),
    expect.stringMatching(/profile local could not be kept/),
  ]);
  await expect(writeProfile("lab", lab)).rejects.toThrow();
});
