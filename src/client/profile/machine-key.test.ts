import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { browserKey } from "./browser-key.ts";
import { loadMachineKey, machineKeyFile } from "./machine-key.ts";

test("a machine has one key, which nobody else of it may read", async () => {
  const home = await mkdtemp(join(tmpdir(), "musketeers-key-"));
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  const env = { MUSKETEERS_HOME: join(home, "new") };
  const [one, other] = await Promise.all([loadMachineKey(env), loadMachineKey(env)]);
  expect(one).toHaveLength(32);
  expect(other).toEqual(one);
  expect(await loadMachineKey(env)).toEqual(one);
  if (process.platform !== "win32") expect((await stat(machineKeyFile(env))).mode & 0o777).toBe(0o600);
});

test("where none can be kept there is one for this run", async () => {
  const home = await mkdtemp(join(tmpdir(), "musketeers-key-"));
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  const env = { MUSKETEERS_HOME: join(home, "file") };
  await writeFile(env.MUSKETEERS_HOME, "");
  await expect(loadMachineKey(env)).rejects.toMatchObject({ code: "STORAGE" });
  const troubles: string[] = [];
  const keys = await Promise.all(
    [1, 2].map(() => loadMachineKey(env, ({ code }) => void troubles.push(code))),
  );
  expect(troubles).toEqual(["STORAGE", "STORAGE"]);
  expect(keys[0]).not.toEqual(keys[1]);
});

test("a browser has one, too, where it can keep it", () => {
  const kept = new Map<string, string>();
  const store = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  };
  const key = browserKey(store);
  expect(key).toHaveLength(32);
  expect(browserKey(store)).toEqual(key);
  const refusing = {
    ...store,
    setItem() {
      throw new Error("no");
    },
    getItem: () => null,
  };
  expect(browserKey(refusing)).not.toEqual(browserKey(refusing));
});
