import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { newSecretKey, publicKeyOf } from "../../security/index.ts";
import { findProjectKey, loadOrCreateProjectKey, projectKeyFile } from "./project-keys.ts";

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

test("a project's name leads to no other place", () => {
  for (const name of ["", "..", "../x", "a/b", ".hidden", "x".repeat(65)]) {
    expect(() => projectKeyFile(hubKey, name, {})).toThrow(/no name for a project/);
  }
});
