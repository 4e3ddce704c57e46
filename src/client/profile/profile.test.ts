import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { configDirectory, findInvite, readProfiles, removeProfile, writeProfile } from "./profile.ts";

let home: string;
let env: Record<string, string>;
const lan = { invite: "http://10.0.0.1:7077/join#lan", url: "http://10.0.0.1:7077" };
const local = { invite: "http://127.0.0.1:7077/join#local", url: "http://127.0.0.1:7077" };

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "musketeers-profile-"));
  env = { MUSKETEERS_HOME: join(home, "own") };
});
afterEach(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));

test("profiles are written, read and removed, readable by their owner only", async () => {
  expect(await readProfiles(env)).toEqual({ hubs: {} });
  await writeProfile("local", local, {}, env);
  await writeProfile("lan", lan, { makeDefault: false }, env);
  expect(await readProfiles(env)).toEqual({ default: "local", hubs: { local, lan } });
  expect((await stat(join(env.MUSKETEERS_HOME!, "hubs.json"))).mode & 0o777).toBe(0o600);
  expect(await readdir(env.MUSKETEERS_HOME!)).toEqual(["hubs.json"]);
  expect(await removeProfile("local", env)).toBe(true);
  expect(await removeProfile("local", env)).toBe(false);
  expect(await readProfiles(env)).toEqual({ hubs: { lan } });
});

test("the hub is the named one, else the environment's, else the default", async () => {
  await expect(findInvite(undefined, env)).rejects.toMatchObject({ code: "NO_HUB" });
  await writeProfile("lan", lan, {}, env);
  await writeProfile("local", local, {}, env);
  expect(await findInvite(undefined, env)).toBe(local.invite);
  expect(await findInvite("lan", env)).toBe(lan.invite);
  expect(await findInvite(undefined, { ...env, MUSKETEERS_HUB: "lan" })).toBe(lan.invite);
  expect(await findInvite("http://x/join#y", env)).toBe("http://x/join#y");
  await expect(findInvite("school", env)).rejects.toMatchObject({
    code: "NO_HUB",
    hint: expect.stringContaining("lan, local"),
  });
});

test("a damaged file says so", async () => {
  await writeProfile("lan", lan, {}, env);
  for (const [text, why] of [
    ["{", "JSON"],
    ['{"hubs":{"x":{}}}', "no invite in x"],
    ['{"hubs":{"x":null}}', "no invite in x"],
    ['{"mine":1}', "it names no hubs"],
    ["5", "it names no hubs"],
    ["null", "it names no hubs"],
  ] as const) {
    await writeFile(join(env.MUSKETEERS_HOME!, "hubs.json"), text);
    const message = expect.stringMatching(`hubs.json is damaged: .*${why}`);
    await expect(readProfiles(env)).rejects.toMatchObject({ code: "BAD_ARGUMENT", message });
  }
});

test("a file that cannot be read says so", async () => {
  await mkdir(join(env.MUSKETEERS_HOME!, "hubs.json"), { recursive: true });
  await expect(readProfiles(env)).rejects.toMatchObject({ code: "STORAGE" });
});

test("settings are where the XDG specification puts them", () => {
  expect(configDirectory({ XDG_CONFIG_HOME: "/c" })).toBe(join("/c", "musketeers"));
  expect(configDirectory({})).toMatch(/[\\/]\.config[\\/]musketeers$/);
});
