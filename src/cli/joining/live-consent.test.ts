import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import type { ConsentRequest } from "../../worker/node.ts";
import { openConsentFile } from "../consent/consent.ts";
import { contextOf } from "../context.ts";
import { FakeTerminal } from "../testing/terminal.ts";
import { LiveConsent } from "./live-consent.ts";

const request = (id: string, host: string): ConsentRequest => ({
  id,
  of: "key of weather",
  project: "weather",
  hub: "http://hub",
  task: `task ${id}`,
  submitter: "ana",
  atMs: 1,
  net: [host],
  memoryBytes: 0,
});

async function setUp() {
  const home = await mkdtemp(join(tmpdir(), "musketeers-live-consent-"));
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  class Typing extends FakeTerminal {
    override readonly input = new PassThrough();
  }
  const terminal = new Typing();
  terminal.env = { MUSKETEERS_HOME: home };
  const file = await openConsentFile(terminal.env);
  const stop = new AbortController();
  const live = new LiveConsent(contextOf(terminal), { aside: (action) => action() }, stop.signal);
  const answer = async (id: string, text: string) => {
    await expect.poll(() => terminal.stderr).toContain(`Let task ${id} `);
    terminal.input.write(`${text}\n`);
  };
  return { terminal, file, live, stop, answer };
}

test("who says yes grants it, to that project; each is asked by itself", async () => {
  const { terminal, file, live, answer } = await setUp();
  for (const [id, host] of [
    ["a", "a.example.org"],
    ["b", "b.example.org"],
  ] as const)
    await file.ask(request(id, host));
  const first = live.ask(request("a", "a.example.org"));
  const second = live.ask(request("b", "b.example.org"));
  await answer("a", "y");
  await first;
  await answer("b", "n");
  await second;
  expect((await file.grantedTo("key of weather"))?.net).toEqual(["a.example.org"]);
  expect((await file.read()).requests.map(({ id }) => id)).toEqual(["b"]);
  expect(terminal.stderr).toContain("the network: a.example.org? [y/N]");
  expect(terminal.stderr).toContain("musketeers worker grant b");
});

test("a later ask for an image names it with its digest and its network; who says no is not asked by another one", async () => {
  const { terminal, file, live, answer } = await setUp();
  const image = `lab/tables@sha256:${"a".repeat(64)}`;
  const boxed = (id: string, net: string[]) => ({ ...request(id, ""), net, images: [image] });
  await file.ask(boxed("a", ["*"]));
  const first = live.ask(boxed("a", ["*"]));
  await answer("a", "n");
  await first;
  expect(terminal.stderr).toContain(`have containers of ${image}, with the network; the network: *? [y/N]`);
  await file.ask(boxed("b", []));
  const second = live.ask(boxed("b", []));
  await answer("b", "y");
  await second;
  expect(terminal.stderr).toContain(
    `Let task b of weather have containers of ${image}, without the network?`,
  );
  expect(await file.grantedTo("key of weather")).toMatchObject({ net: [], images: [image] });
});

test("what was answered elsewhere is not asked, and leaving ends a question", async () => {
  const { terminal, file, live, stop } = await setUp();
  await live.ask(request("a", "a.example.org"));
  expect(terminal.stderr).toBe("");
  await file.ask(request("b", "b.example.org"));
  const open = live.ask(request("b", "b.example.org"));
  await expect.poll(() => terminal.stderr).toContain("[y/N]");
  stop.abort();
  await open;
  await live.ask(request("b", "b.example.org"));
  expect(await file.grantedTo("key of weather")).toBeUndefined();
});
