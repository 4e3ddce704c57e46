import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { newSecretKey, publicKeyOf } from "../../security/index.ts";
import {
  findProjectKey,
  installProjectKeys,
  loadOrCreateProjectKey,
  ownedProjectKeys,
  projectKeyFile,
} from "./project-keys.ts";

const hubKey = publicKeyOf(newSecretKey());

async function home(): Promise<{ MUSKETEERS_HOME: string }> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-keys-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return { MUSKETEERS_HOME: directory };
}

test("a project's root key is made once, for each hub and project, and nobody else may read it", async () => {
  const env = await home();
  expect(await findProjectKey(hubKey, "default", env)).toBeUndefined();
  const key = await loadOrCreateProjectKey(hubKey, "default", env);
  expect(await loadOrCreateProjectKey(hubKey, "default", env)).toEqual(key);
  expect(await findProjectKey(hubKey, "default", env)).toEqual(key);
  expect(await loadOrCreateProjectKey(hubKey, "other", env)).not.toEqual(key);
  expect(await loadOrCreateProjectKey(publicKeyOf(newSecretKey()), "default", env)).not.toEqual(key);
  if (process.platform !== "win32") {
    expect((await stat(projectKeyFile(hubKey, "default", env))).mode & 0o777).toBe(0o600);
  }
});

test("the keys of a hub's projects are found for a backup, and put back where there are none", async () => {
  const [before, after] = [await home(), await home()];
  expect(await ownedProjectKeys(hubKey, before)).toEqual(new Map());
  const stars = await loadOrCreateProjectKey(hubKey, "stars", before);
  const own = await loadOrCreateProjectKey(hubKey, "default", before);
  await loadOrCreateProjectKey(publicKeyOf(newSecretKey()), "elsewhere", before);
  await writeFile(join(dirname(projectKeyFile(hubKey, "stars", before)), "a note.key"), "none");
  const keys = await ownedProjectKeys(hubKey, before);
  expect([...keys]).toEqual([
    ["default", own],
    ["stars", stars],
  ]);
  await installProjectKeys(hubKey, keys, after);
  await installProjectKeys(hubKey, keys, after);
  expect(await ownedProjectKeys(hubKey, after)).toEqual(keys);
  const others = new Map([["stars", own]]);
  await expect(installProjectKeys(hubKey, others, after)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  expect(await findProjectKey(hubKey, "stars", after)).toEqual(stars);
});

test("a project's name leads to no other place", () => {
  for (const name of ["", "..", "../x", "a/b", ".hidden", "x".repeat(65)]) {
    expect(() => projectKeyFile(hubKey, name, {})).toThrow(/no name for a project/);
  }
});
