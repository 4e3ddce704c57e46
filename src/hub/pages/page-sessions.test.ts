import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { Link } from "../../link/index.ts";
import { openNodeSocket } from "../../link/node.ts";
import type { Role } from "../../protocol/index.ts";
import { createInvite, newSecretKey, parseInvite, publicKeyOf } from "../../security/index.ts";
import type { Hub } from "../hub.ts";
import { ScriptedPeer, testDirectory, testHub } from "../testing/peer.ts";
import { PageSessions } from "./page-sessions.ts";

interface SignedIn {
  readonly status: number;
  readonly cookie: string;
  readonly attributes: string;
  readonly body: { readonly role?: Role; readonly token?: string; readonly code?: string };
}

/** Does what a page does with an invite: proves it on a connection, and exchanges that for a cookie. */
async function signIn(hub: Hub, role: Role, headers: Record<string, string> = {}): Promise<SignedIn> {
  let token = "";
  const link = new Link(
    { invite: parseInvite(hub.invite({ role, label: "lab" })), openSocket: openNodeSocket },
    {
      onWelcome: ({ session }) => {
        token = session;
      },
      onMessage: () => {},
    },
  );
  await link.start();
  const response = await fetch(`${hub.url}/session`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, Origin: hub.url, ...headers },
  });
  link.close();
  const [cookie = "", ...attributes] = (response.headers.get("set-cookie") ?? "").split("; ");
  return {
    status: response.status,
    cookie,
    attributes: attributes.join("; "),
    body: (await response.json()) as SignedIn["body"],
  };
}

const sessionWith = async (hub: Hub, cookie: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${hub.url}/session`, { headers: { Cookie: cookie, ...headers } });
  return { status: response.status, body: (await response.json()) as SignedIn["body"] };
};

/** A page's connection, with a cookie and from an origin; says its role, or why it was refused. */
async function pageRole(hub: Hub, cookie: string, token: string, origin = hub.url): Promise<string> {
  const link = new Link(
    {
      invite: { ...parseInvite(hub.invite({ role: "viewer" })), grant: new Uint8Array(0) },
      pageToken: new Uint8Array(Buffer.from(token, "base64url")),
      openSocket: (url, events) => {
        const socket = new WebSocket(url, { headers: { Cookie: cookie, Origin: origin } });
        socket.on("open", () => events.onOpen());
        socket.on("message", (data: Buffer) => events.onFrame(new Uint8Array(data)));
        socket.on("error", () => {});
        socket.on("close", (code, reason) => events.onClose(String(reason), code));
        return {
          send: (frame) => socket.send(frame),
          bufferedBytes: 0,
          close: () => socket.close(),
          terminate: () => socket.terminate(),
        };
      },
    },
    { onWelcome: () => {}, onMessage: () => {} },
  );
  onTestFinished(() => link.close());
  return link.start().then(
    ({ role }) => role,
    ({ code }: { code: string }) => code,
  );
}

test("an invite's proof is exchanged for a cookie that no script can read and no other site sends", async () => {
  const hub = await testHub();
  const { status, cookie, attributes, body } = await signIn(hub, "submitter");
  expect(status).toBe(200);
  expect(attributes).toMatch(/^Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
  expect(body).toMatchObject({ role: "submitter", label: "lab" });
  expect((await sessionWith(hub, cookie)).body).toEqual(body);
  expect(await pageRole(hub, cookie, body.token!)).toBe("submitter");
});

test("a cookie alone connects nobody, and neither does a page of another origin", async () => {
  const hub = await testHub();
  const { cookie, body } = await signIn(hub, "admin");
  expect(await pageRole(hub, cookie, Buffer.alloc(32).toString("base64url"))).toBe("UNAUTHORIZED");
  expect(await pageRole(hub, "", body.token!)).toBe("UNAUTHORIZED");
  expect(await pageRole(hub, cookie, body.token!, "http://127.0.0.1:1")).toBe("UNAUTHORIZED");
  expect(await pageRole(hub, cookie, body.token!, "null")).toBe("UNAUTHORIZED");
});

test("requests of other origins' pages are refused", async () => {
  const hub = await testHub();
  expect(await signIn(hub, "viewer", { Origin: "http://evil.example" })).toMatchObject({
    status: 403,
    cookie: "",
    body: { code: "FORBIDDEN" },
  });
  const { cookie } = await signIn(hub, "viewer");
  const headers = { "Sec-Fetch-Site": "cross-site" };
  expect((await sessionWith(hub, cookie, headers)).body).toMatchObject({ code: "FORBIDDEN" });
  const signOut = await fetch(`${hub.url}/session`, { method: "DELETE", headers: { Cookie: cookie } });
  expect(signOut.status).toBe(403);
});

test("neither a worker's connection nor nobody's signs a browser in", async () => {
  const hub = await testHub();
  const worker = await ScriptedPeer.worker(hub);
  for (const token of ["nobody", worker.welcomes[0]!.session]) {
    const headers = { Authorization: `Bearer ${token}`, Origin: hub.url };
    expect((await fetch(`${hub.url}/session`, { method: "POST", headers })).status).toBe(401);
  }
});

test("what was changed, revoked, or made by another hub is no sign-in", async () => {
  const hub = await testHub();
  const { cookie, body } = await signIn(hub, "viewer");
  const other = await testHub();
  const [name, value] = cookie.split("=");
  for (const wrong of [
    "",
    `${name}=`,
    `${name}=1.99999999999999.AAAA.BBBB`,
    cookie.replace(/\.(\d+)\./, (_, at: string) => `.${Number(at) + 1}.`),
    `${name}=${value!.slice(0, -3)}AAA`,
  ]) {
    expect((await sessionWith(hub, wrong)).status, wrong).toBe(401);
  }
  expect((await sessionWith(other, cookie)).status).toBe(401);
  const admin = hub.coordinator.callHost;
  const mine = admin.invites().find(({ role }) => role === "viewer")!;
  await admin.revoke(mine.id, "");
  expect((await sessionWith(hub, cookie)).status).toBe(401);
  expect(await pageRole(hub, cookie, body.token!)).toBe("UNAUTHORIZED");
});

test("who signed in stays so over a restart of the hub, and signs out", async () => {
  const data = await testDirectory();
  const hub = await testHub({ data });
  const { cookie } = await signIn(hub, "viewer");
  await hub.close();
  const again = await testHub({ data });
  expect((await sessionWith(again, cookie)).status).toBe(200);
  const headers = { Cookie: cookie, Origin: again.url };
  const response = await fetch(`${again.url}/session`, { method: "DELETE", headers });
  expect(response.headers.get("set-cookie")).toMatch(/Max-Age=0$/);
});

test("pageSessionMs: a browser is signed out after that time, or when its invite ends", () => {
  const hubSecretKey = newSecretKey();
  let nowMs = 1_000_000;
  const sessions = new PageSessions({
    hubSecretKey,
    hubKey: publicKeyOf(hubSecretKey),
    pageSessionMs: 5_000,
    nowMs: () => nowMs,
    isRevoked: () => false,
  });
  const cookieFor = (goodForMs: number) => {
    const { invite } = createInvite({
      hubSecretKey,
      url: "http://hub.example",
      role: "viewer",
      project: "default",
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + goodForMs,
    });
    return sessions.seal(parseInvite(invite).grant);
  };
  const [long, short] = [cookieFor(60_000), cookieFor(2_000)];
  expect([long.maxAgeMs, short.maxAgeMs]).toEqual([5_000, 2_000]);
  nowMs += 2_000;
  expect(sessions.open(long.value).grant.role).toBe("viewer");
  expect(() => sessions.open(short.value)).toThrow(expect.objectContaining({ code: "INVITE_EXPIRED" }));
  nowMs += 3_000;
  expect(() => sessions.open(long.value)).toThrow(expect.objectContaining({ code: "UNAUTHORIZED" }));
});

test("pages come with a policy that lets in no foreign script, frame or style", async () => {
  const hub = await testHub();
  const { headers } = await fetch(hub.url);
  const policy = headers.get("content-security-policy")!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
  expect(policy).toContain(`connect-src 'self' ws://${new URL(hub.url).host}`);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});
