import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createInvite, endorseInvite, newSecretKey, parseInvite, publicKeyOf } from "../../security/index.ts";
import { missingOf, noAsks, together } from "./asks.ts";
import { ConsentFile } from "./consent-file.ts";
import { KeptConsent } from "./kept-consent.ts";
import { type ConsentRequest, projectIdOf } from "./request.ts";

async function makeFile(requestsMax = 32): Promise<ConsentFile> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-consent-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return new ConsentFile(join(directory, "home", "worker-consent.json"), requestsMax);
}

const about = { project: "weather", hub: "http://hub:1", atMs: 5 };
const request = (id: string, net: string[] = [`${id}.org`]): ConsentRequest => ({
  ...about,
  id,
  of: "p",
  task: "f",
  submitter: "ana",
  net,
  memoryBytes: 0,
});

test("what is missing, and what is granted together", () => {
  expect(missingOf(noAsks, noAsks)).toBeUndefined();
  expect(
    missingOf({ net: ["*.a.org"], memoryBytes: 0 }, { net: ["x.a.org"], memoryBytes: 9 }),
  ).toBeUndefined();
  expect(missingOf({ net: ["a.org"], memoryBytes: 5 }, { net: ["a.org", "b.org"], memoryBytes: 6 })).toEqual({
    net: ["b.org"],
    memoryBytes: 6,
  });
  expect(together({ net: ["a"], memoryBytes: 5 }, { net: ["a", "b"], memoryBytes: 0 })).toEqual({
    net: ["a", "b"],
    memoryBytes: 5,
  });
  expect(together(noAsks, { net: [], memoryBytes: 7 }).memoryBytes).toBe(0);
});

const image = (digit: string, name = "lab/tables") => `${name}@sha256:${digit.repeat(64)}`;

test("images are granted with their digests: the same name with another one is another image", () => {
  const asks = (...images: string[]) => ({ net: [], memoryBytes: 0, images });
  expect(missingOf(asks(image("a")), asks(image("a")))).toBeUndefined();
  expect(missingOf(asks(image("a")), asks(image("a"), image("b")))).toEqual(asks(image("b")));
  expect(missingOf(noAsks, asks(image("a")))).toEqual(asks(image("a")));
  expect(missingOf(asks(image("a")), noAsks)).toBeUndefined();
  expect(together(asks(image("a")), asks(image("b"), image("a")))).toEqual(asks(image("a"), image("b")));
});

test("images are kept, answer what asks for them, and are taken back by themselves", async () => {
  const file = await makeFile();
  const asks = (...images: string[]) => ({ net: [], memoryBytes: 0, images });
  await file.ask({ ...request("a", []), images: [image("a")] });
  await file.ask({ ...request("b", []), images: [image("b")] });
  await file.grant("p", { net: ["a.org"], memoryBytes: 7, images: [image("a")] }, about);
  await file.grant("q", asks(image("a"), image("c", "other")), about);
  expect((await file.read()).requests.map(({ id }) => id)).toEqual(["b"]);
  expect(await file.withdrawImages((each) => each === image("b"))).toBe(0);
  expect(await file.withdrawImages((each, id) => each === image("a") && id === "q")).toBe(1);
  expect((await file.read()).projects).toMatchObject({
    p: { images: [image("a")] },
    q: { images: [image("c", "other")] },
  });
  expect(await file.withdrawImages((each) => each === image("a"))).toBe(1);
  expect(await file.grantedTo("p")).toEqual({ ...about, net: ["a.org"], memoryBytes: 7 });
});

test("a project is known by its root key, and without one by the hub that speaks for it", () => {
  const hubSecretKey = newSecretKey();
  const make = (project: string, secretKey = hubSecretKey) =>
    createInvite({
      hubSecretKey: secretKey,
      url: "http://hub:1",
      role: "worker",
      project,
      issuedAtMs: 0,
      expiresAtMs: 1,
    }).invite;
  const projectKey = publicKeyOf(newSecretKey());
  const endorsed = (text: string) => endorseInvite(text, { projectKey, asks: noAsks });
  const ids = [make("a"), make("b"), make("a", newSecretKey()), endorsed(make("a")), endorsed(make("b"))];
  expect(new Set(ids.map((text) => projectIdOf(parseInvite(text)))).size).toBe(5);
  // The same project on another hub is the same.
  const elsewhere = parseInvite(endorsed(make("a", newSecretKey())));
  expect(projectIdOf(elsewhere)).toBe(projectIdOf(parseInvite(ids[3]!)));
});

test("grants add up, answer what they cover, and can be taken back", async () => {
  const file = await makeFile();
  expect(await file.grantedTo("p")).toBeUndefined();
  await file.grant("p", { net: [], memoryBytes: 0 }, about);
  expect(await file.ask(request("a"))).toBe(true);
  expect(await file.ask(request("a"))).toBe(false);
  await file.ask(request("b"));
  await file.grant("p", { net: ["a.org"], memoryBytes: 0 }, about);
  expect(await file.read()).toMatchObject({
    projects: { p: { net: ["a.org"], memoryBytes: 0, project: "weather" } },
    requests: [{ id: "b" }],
  });
  expect((await stat(file.path)).mode & 0o077).toBe(0);
  expect(await file.withdraw("p")).toBe(true);
  expect(await file.withdraw("p")).toBe(false);
  expect(await file.read()).toEqual({ version: 1, projects: {}, requests: [] });
});

test("consentRequestsMax: the oldest question of a project is forgotten, and those of others are not", async () => {
  const file = await makeFile(2);
  await file.ask({ ...request("other"), of: "q" });
  for (const id of ["a", "b", "c"]) await file.ask(request(id));
  expect((await file.read()).requests.map(({ id }) => id)).toEqual(["other", "b", "c"]);
});

test("a damaged file is no consent", async () => {
  const file = await makeFile();
  await file.grant("p", noAsks, about);
  await writeFile(file.path, '{"version":1,"projects":{"p":{"net":"*"}}}');
  await expect(file.grantedTo("p")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
});

test("consentPollMs: a running worker hears of what is granted and of what is taken back", async () => {
  const file = await makeFile();
  const asked: ConsentRequest[] = [];
  const consent = new KeptConsent({
    ...about,
    file,
    of: "p",
    pollMs: 5,
    nowMs: () => 5,
    onRequest: (each) => asked.push(each),
  });
  const changed = () =>
    new Promise<void>((resolve) => {
      consent.onChange = resolve;
    });
  await consent.start();
  onTestFinished(() => consent.stop());
  expect(consent.granted).toEqual(noAsks);
  const question = { task: "f", submitter: "ana", net: ["a.org"], memoryBytes: 0 };
  consent.ask(question);
  consent.ask(question);
  await consent.settled;
  expect(asked).toHaveLength(1);
  const [kept] = (await file.read()).requests;
  expect(kept).toEqual(asked[0]);
  const more = changed();
  await file.grant("p", kept!, about);
  await more;
  expect(consent.granted.net).toEqual(["a.org"]);
  const less = changed();
  await file.withdraw("p");
  await less;
  expect(consent.granted.net).toEqual([]);
});
