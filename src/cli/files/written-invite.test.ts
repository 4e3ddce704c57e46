import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createInvite, newSecretKey, parseInvite, publicKeyOf } from "../../security/index.ts";
import { addressedTo, type WrittenInvite, writeInvite } from "./written-invite.ts";

const hubSecretKey = newSecretKey();

const make = (key = hubSecretKey) =>
  createInvite({
    hubSecretKey: key,
    url: "http://127.0.0.1:7077",
    role: "worker",
    project: "default",
    issuedAtMs: 0,
    expiresAtMs: 1000,
  }).invite;

async function place(): Promise<WrittenInvite & { directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-written-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const hubKey = publicKeyOf(hubSecretKey);
  const fits = () => true;
  return { directory, file: join(directory, "worker"), hubKey, url: "http://hub:7077", now: 0, make, fits };
}

test("an invite names the address that its holder has of the hub, and is as good as before", () => {
  const invite = make();
  const there = addressedTo(invite, "http://hub:7077/");
  expect(parseInvite(there)).toEqual({
    ...parseInvite(invite),
    url: "http://hub:7077",
    wsUrl: "ws://hub:7077/link",
  });
});

test("it is written for its owner only, and a good one stays", async () => {
  const options = await place();
  await writeInvite(options);
  const first = await readFile(options.file, "utf8");
  expect(parseInvite(first).url).toBe("http://hub:7077");
  expect((await stat(options.file)).mode & 0o777).toBe(0o600);
  await writeInvite(options);
  expect(await readFile(options.file, "utf8")).toBe(first);
  expect(await readdir(options.directory)).toEqual(["worker"]);
});

test.each<[string, Partial<WrittenInvite>]>([
  ["has expired", { now: 1000 }],
  ["is another hub's", { hubKey: publicKeyOf(newSecretKey()) }],
  ["names another address", { url: "http://elsewhere" }],
  ["grants something else", { fits: () => false }],
])("one that %s is replaced", async (_how, change) => {
  const options = await place();
  await writeInvite(options);
  const first = await readFile(options.file, "utf8");
  await writeInvite({ ...options, ...change });
  expect(await readFile(options.file, "utf8")).not.toBe(first);
});

test("what is no invite is replaced", async () => {
  const options = await place();
  await writeFile(options.file, "nothing");
  await writeInvite(options);
  expect(parseInvite(await readFile(options.file, "utf8")).role).toBe("worker");
});

test("a place that cannot be written to is named", async () => {
  const options = await place();
  const file = join(options.directory, "none", "worker");
  await expect(writeInvite({ ...options, file })).rejects.toMatchObject({
    code: "STORAGE",
    message: expect.stringContaining(file),
  });
});
