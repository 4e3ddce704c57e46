import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createInvite, endorseInvite, newSecretKey, publicKeyOf } from "../../security/index.ts";
import { contextOf } from "../context.ts";
import { FakeTerminal } from "../testing/terminal.ts";
import { obtainConsent } from "./consent.ts";

const { invite: made } = createInvite({
  hubSecretKey: newSecretKey(),
  url: "http://192.168.0.5:7077",
  role: "worker",
  project: "weather",
  issuedAtMs: 0,
  expiresAtMs: 1,
});
const projectKey = publicKeyOf(newSecretKey());
const endorsed = (net: readonly string[], memoryBytes = 0, images?: readonly string[]) =>
  endorseInvite(made, { projectKey, asks: { net, memoryBytes, ...(images && { images }) } });
const image = (digit: string) => `lab/tables@sha256:${digit.repeat(64)}`;

async function setUp() {
  const home = await mkdtemp(join(tmpdir(), "musketeers-consent-"));
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  return (invite: string, typed: string | undefined, answers: object = {}, remember = true, env = {}) => {
    const terminal = new FakeTerminal(typed);
    terminal.inputIsTTY = typed !== undefined;
    terminal.env = { MUSKETEERS_HOME: home, ...env };
    const call = { remember, signal: new AbortController().signal };
    const outcome = obtainConsent([invite], { allowNet: [], ...answers }, contextOf(terminal), call);
    return { terminal, outcome };
  };
}

test("on a terminal a person is shown what is asked for, and asked", async () => {
  const join = await setUp();
  for (const no of ["n\n", "\n", "yes please\n", ""]) {
    const { outcome, terminal } = join(endorsed(["api.example.org"], 2e9), no);
    await expect(outcome).rejects.toMatchObject({ code: "CONSENT_NEEDED" });
    if (no === "") continue;
    expect(terminal.stderr).toMatch(/project weather at http:\/\/192\.168\.0\.5:7077 asks for/);
    expect(terminal.stderr).toMatch(/network +api\.example\.org\n/);
    expect(terminal.stderr).toMatch(/memory +\S+ .B a task/);
    expect(terminal.stderr).toMatch(/\[y\/N\]/);
  }
  const asks = { net: ["api.example.org"], memoryBytes: 2e9 };
  expect(await join(endorsed(asks.net, asks.memoryBytes), "y\n").outcome).toEqual([{ asks, isKept: true }]);
  // The next time nobody is asked, unless it is for more.
  expect(await join(endorsed(["api.example.org"]), undefined).outcome).toHaveLength(1);
  await expect(join(endorsed(["other.example.org"]), undefined).outcome).rejects.toMatchObject({
    code: "CONSENT_NEEDED",
  });
});

test("without a project's key it is said who decides whose code runs", async () => {
  const join = await setUp();
  const bare = join(made, "n\n");
  await expect(bare.outcome).rejects.toThrow();
  expect(bare.terminal.stderr).toContain("the hub alone decides whose code runs");
  const keyed = join(endorsed([]), "n\n");
  await expect(keyed.outcome).rejects.toThrow();
  expect(keyed.terminal.stderr).not.toContain("the hub alone");
});

test("what a leading process accepts is neither said nor kept", async () => {
  const join = await setUp();
  const led = join(endorsed([]), undefined, { accept: true }, false);
  await led.outcome;
  expect(led.terminal.stderr).toBe("");
  await expect(join(endorsed([]), undefined).outcome).rejects.toMatchObject({ code: "CONSENT_NEEDED" });
});

test("options count as an answer where they name all that is asked for", async () => {
  const join = await setUp();
  const asked = endorsed(["api.example.org"], 1000);
  const refused = { code: "CONSENT_NEEDED" };
  await expect(join(asked, undefined, { allowNet: ["api.example.org"] }).outcome).rejects.toMatchObject(
    refused,
  );
  await expect(join(asked, undefined, { memory: 5000 }).outcome).rejects.toMatchObject(refused);
  const both = { allowNet: ["*.example.org"], memory: 5000 };
  expect(await join(asked, undefined, both).outcome).toHaveLength(1);
  await expect(join(asked, undefined).outcome).rejects.toMatchObject(refused);
  expect(await join(asked, undefined, { trust: true }).outcome).toHaveLength(1);
});

test("where nobody can be asked a variable agrees to computing, and to nothing else", async () => {
  const join = await setUp();
  const env = { MUSKETEERS_ACCEPT: "compute" };
  const { outcome, terminal } = join(endorsed([]), undefined, {}, true, env);
  expect(await outcome).toHaveLength(1);
  expect(terminal.stderr).toContain("Accepted by MUSKETEERS_ACCEPT");
  const asked = join(endorsed(["api.example.org"]), undefined, {}, true, env);
  await expect(asked.outcome).rejects.toMatchObject({ code: "CONSENT_NEEDED" });
});

test("images are asked for with their digests, and those that were agreed to are kept", async () => {
  const join = await setUp();
  const asked = endorsed([], 0, [image("a")]);
  const no = join(asked, "n\n");
  await expect(no.outcome).rejects.toMatchObject({ code: "CONSENT_NEEDED" });
  expect(no.terminal.stderr).toContain(`containers ${image("a")} (fetched when it is needed`);
  expect(no.terminal.stderr).toMatch(/^ +without the network$/m);
  const asks = { net: [], memoryBytes: 0, images: [image("a")] };
  expect(await join(asked, "y\n").outcome).toEqual([{ asks, isKept: true }]);
  expect(await join(asked, undefined).outcome).toMatchObject([{ asks, isKept: true }]);
  // Another digest is another image.
  const other = await join(endorsed([], 0, [image("b")]), undefined).outcome.catch((error: unknown) => error);
  expect(other).toMatchObject({
    code: "CONSENT_NEEDED",
    hint: expect.stringContaining(`--allow-containers ${image("b")}`),
  });
});

test("flags that allow the images are an answer; a variable for computing is none", async () => {
  const join = await setUp();
  const asked = endorsed([], 0, [image("a")]);
  const env = { MUSKETEERS_ACCEPT: "compute" };
  const refused = { code: "CONSENT_NEEDED" };
  await expect(join(asked, undefined, {}, true, env).outcome).rejects.toMatchObject(refused);
  await expect(join(asked, undefined, { allowContainers: ["lab/other"] }).outcome).rejects.toMatchObject(
    refused,
  );
  await expect(join(asked, undefined, { allowContainers: ["ask"] }).outcome).rejects.toMatchObject(refused);
  for (const allowContainers of [["lab/*"], true, [image("a")]])
    expect(await join(asked, undefined, { allowContainers }).outcome).toMatchObject([{ isKept: false }]);
  // They are no answer to a project that asks for none.
  await expect(join(endorsed([]), undefined, { allowContainers: true }).outcome).rejects.toMatchObject(
    refused,
  );
});

test("who allows every image is told so in the question", async () => {
  const join = await setUp();
  for (const [allowContainers, said] of [
    [true, /containers ANY image that its tasks ask for/],
    [["lab/*"], /containers of lab\/\*, as --allow-containers says; of others if you say yes then/],
    [undefined, /containers none/],
  ] as const) {
    const { outcome, terminal } = join(endorsed([]), "n\n", allowContainers ? { allowContainers } : {});
    await expect(outcome).rejects.toThrow();
    expect(terminal.stderr).toMatch(said);
  }
});
