import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { bodyOf, cidOf, HubExchange } from "../../data/index.ts";
import { Link } from "../../link/index.ts";
import { fetchWith, openNodeSocket } from "../../link/node.ts";
import { defaultLimits } from "../../protocol/index.ts";
import { type Invite, packageCommand, parseInvite } from "../../security/index.ts";
import { startHub } from "../opening/opening.ts";
import { ScriptedPeer, testDirectory, testHub } from "../testing/peer.ts";
import { openTls, ownTls } from "./tls.ts";

const run = promisify(execFile);

async function linked(invite: Invite): Promise<Link> {
  const link = new Link({ invite, openSocket: openNodeSocket }, { onWelcome: () => {}, onMessage: () => {} });
  onTestFinished(() => link.close());
  await link.start();
  return link;
}

test("a hub's own TLS key is made once, kept by itself, and pinned by its invites", async () => {
  const data = await testDirectory();
  const first = await startHub({ listen: "127.0.0.1:0", data, tls: "own" });
  expect(first.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  const invite = parseInvite(first.invite({ role: "submitter" }));
  expect(invite.wsUrl).toMatch(/^wss:/);
  await linked(invite);
  if (process.platform !== "win32") expect((await stat(join(data, "tls.pem"))).mode & 0o777).toBe(0o600);
  const kept = await readFile(join(data, "tls.pem"), "utf8");
  await first.close();
  const second = await testHub({ data, tls: "own", listen: first.url.replace("https://", "") });
  expect(await readFile(join(data, "tls.pem"), "utf8")).toBe(kept);
  expect((await linked(invite)).up).toBe(true);
  expect(parseInvite(second.invite({ role: "viewer" })).tlsPin).toEqual(invite.tlsPin);
});

test("whoever answers with another key is found out, before anything is said or sent", async () => {
  const hub = await testHub({ tls: "own" });
  const invite = parseInvite(hub.invite({ role: "worker" }));
  const wrong = { ...invite, tlsPin: new Uint8Array(32) };
  await expect(linked(wrong)).rejects.toMatchObject({
    code: "HUB_IDENTITY",
    message: expect.stringContaining("its TLS key is not the one that the invite pins"),
  });
  // Without a pin the system does not trust it either.
  const link = new Link(
    { invite: { ...invite, tlsPin: null }, openSocket: openNodeSocket },
    { onWelcome: () => {}, onMessage: () => {}, onDown: ({ code }) => downs.push(code) },
  );
  const downs: string[] = [];
  onTestFinished(() => link.close());
  link.start().catch(() => {});
  await expect.poll(() => downs[0]).toBe("HUB_UNREACHABLE");
});

test("blobs go the same way: the token is shown to the pinned key only", async () => {
  const hub = await testHub({ tls: "own" });
  const invite = parseInvite(hub.invite({ role: "submitter" }));
  const bytes = new TextEncoder().encode("one for all");
  const cid = await cidOf(bytes);
  const peer = await ScriptedPeer.client(hub);
  const token = peer.welcomes[0]!.session;
  const exchangeWith = (tlsPin: Uint8Array | null) => {
    const fetch = fetchWith({ tlsPin });
    return new HubExchange({ baseUrl: hub.url, token: () => token, limits: defaultLimits, fetch });
  };
  const { signal } = new AbortController();
  const pinned = exchangeWith(invite.tlsPin);
  expect((await pinned.request("PUT", `/blobs/${cid}`, signal, bytes)).status).toBe(201);
  const answer = await pinned.request("GET", `/blobs/${cid}`, signal);
  const parts: Uint8Array[] = [];
  for await (const part of bodyOf(answer)) parts.push(part);
  expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  for (const pin of [new Uint8Array(32), null]) {
    await expect(exchangeWith(pin).request("GET", `/blobs/${cid}`, signal)).rejects.toMatchObject({
      code: "HUB_UNREACHABLE",
    });
  }
});

test("a certificate of an authority is not pinned; one that does not fit its key is refused", async () => {
  const own = await ownTls(undefined, ["localhost", "192.0.2.1"], 1_800_000_000_000);
  expect(own.pin).toHaveLength(32);
  expect(openTls(own).pin).toEqual(own.pin);
  const other = await ownTls(undefined, ["localhost"], 1_800_000_000_000);
  expect(other.pin).not.toEqual(own.pin);
  for (const material of [
    { cert: own.cert, key: other.key },
    { cert: "", key: own.key },
    { cert: own.cert, key: "-----BEGIN PRIVATE KEY-----" },
  ]) {
    expect(() => openTls(material)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
  }
});

test("plain HTTP is spoken on this machine only, unless somebody says otherwise", async () => {
  for (const listen of ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"]) {
    await expect(startHub({ listen })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      hint: expect.stringContaining("--insecure-http"),
    });
  }
  expect((await testHub({ listen: "localhost:0" })).url).toMatch(/^http:/);
  expect((await testHub({ listen: "0.0.0.0:0", insecureHttp: true })).url).toMatch(/^http:/);
  expect((await testHub({ listen: "0.0.0.0:0", tls: "own" })).url).toMatch(/^https:/);
});

test("curl fetches the hub's package by the line that people are given, and from nobody else", async ({
  skip,
}) => {
  const curl = await run("curl", ["--version"]).catch(() => undefined);
  if (curl === undefined || !/ssl|tls/i.test(curl.stdout)) skip("there is no curl here");
  const hub = await testHub({ tls: "own" });
  const invite = parseInvite(hub.invite({ role: "worker" }));
  expect(hub.joinCommand("INVITE")).toBe(`${packageCommand(invite)} join 'INVITE'`);
  const [, pin] = /--pinnedpubkey '(\S+)'/.exec(packageCommand(invite))!;
  const fetchBy = (key: string) => run("curl", ["-kfsS", "--pinnedpubkey", key, `${hub.url}/readyz`]);
  expect((await fetchBy(pin!)).stdout).not.toBe("");
  await expect(fetchBy(`sha256//${Buffer.alloc(32).toString("base64")}`)).rejects.toThrow();
});
