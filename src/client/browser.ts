/** The client for pages: everything but the bundler and the profiles. */
import { base64url } from "multiformats/bases/base64";
import { Link, openPlatformSocket } from "../link/index.ts";
import { defaultLimits, MusketeersError, type Role } from "../protocol/index.ts";
import { type Invite, LINK_PATH, newSecretKey, parseInvite } from "../security/index.ts";
import type { Cluster } from "./cluster.ts";
import { type ConnectOptions, connectTo, connectWith, type Platform } from "./connect.ts";
import { browserKey } from "./profile/browser-key.ts";

export { asPictureTile } from "./picture.ts";
export * from "./public.ts";
export type { FollowOptions, LiveState } from "./session/live.ts";

/**
 * Connects to the hub of an invite.
 * @throws MusketeersError as in Node; `NO_HUB` where no invite is given.
 */
export async function connect(options: ConnectOptions = {}): Promise<Cluster> {
  if (options.hub === undefined) {
    throw new MusketeersError("NO_HUB", "No invite was given", { hint: "Write connect({ hub: invite })." });
  }
  return connectTo(options.hub, options, page);
}

const page: Platform = {
  openSocket: openPlatformSocket,
  machineKey: browserKey,
  loadTask: async () => {
    throw new MusketeersError("TASK_UNKNOWN", "A page cannot find the code of a function", {
      hint: "Load tasks in Node with loadTask() and pass the page what it gives.",
    });
  },
};

/**
 * Connects a page to the hub that served it, by the cookie of its browser's sign-in.
 * @param token what `GET /session` says: 32 bytes as base64url
 * @throws MusketeersError `UNAUTHORIZED` where the browser is not signed in any more
 */
export async function connectPage(
  token: string,
  options: Omit<ConnectOptions, "hub"> = {},
): Promise<Cluster> {
  const { origin } = (globalThis as unknown as { location: { origin: string } }).location;
  return connectWith(pageInvite(origin), options, { ...page, pageToken: base64url.baseDecode(token) });
}

/** Who is signed in with a browser. */
export interface SignedIn {
  readonly role: Role;
  readonly label: string;
  readonly project: string;
  readonly expiresAtMs: number;
  /** For `connectPage`. */
  readonly token: string;
}

/**
 * Signs this browser in at the hub that served the page: proves the invite, whose secret does not travel, and lets the
 * hub set a cookie in exchange.
 * @throws MusketeersError `INVITE_MALFORMED`, `INVITE_EXPIRED`, `UNAUTHORIZED`, `FORBIDDEN` for a worker's,
 * `HUB_UNREACHABLE` after the time-out
 */
export async function signIn(inviteText: string): Promise<SignedIn> {
  const invite = parseInvite(inviteText);
  if (invite.role === "worker") {
    throw new MusketeersError("FORBIDDEN", "An invite for workers does not let anybody look at a hub", {
      hint: "It adds a machine: paste the line `musketeers join …` into its terminal.",
    });
  }
  const machineKey = invite.counted ? { machineKey: browserKey() } : {};
  const handlers = { onWelcome: () => {}, onMessage: () => {} };
  const link = new Link({ invite, openSocket: openPlatformSocket, ...machineKey }, handlers);
  const late = setTimeout(() => link.close(), defaultLimits.connectTimeoutMs);
  try {
    const { session } = await link.start();
    return await askSession("POST", { Authorization: `Bearer ${session}` });
  } finally {
    clearTimeout(late);
    link.close();
  }
}

/** Who is signed in with this browser; undefined where nobody is. */
export async function signedIn(): Promise<SignedIn | undefined> {
  try {
    return await askSession("GET");
  } catch (error) {
    if (error instanceof MusketeersError && !error.retryable) return undefined;
    throw error;
  }
}

/** Signs this browser out. */
export async function signOut(): Promise<void> {
  await fetch("session", { method: "DELETE" });
}

async function askSession(method: string, headers: Record<string, string> = {}): Promise<SignedIn> {
  const response = await fetch("session", { method, headers });
  const answer: unknown = await response.json();
  if (!response.ok) throw MusketeersError.from(answer as { code: string; message: string; hint: string });
  return answer as SignedIn;
}

/** Stands for the invite that the browser's cookie holds. */
const pageInvite = (url: string): Invite => ({
  url,
  wsUrl: url.replace(/^http/, "ws") + LINK_PATH,
  hubKey: new Uint8Array(0),
  grant: new Uint8Array(0),
  grantId: "",
  role: "viewer",
  project: "",
  label: "",
  expiresAtMs: Number.POSITIVE_INFINITY,
  tlsPin: null,
  counted: true,
  secretKey: newSecretKey(),
});
