/** The client for pages: everything but the bundler and the profiles. */
import { base64url } from "multiformats/bases/base64";
import { openPlatformSocket } from "../link/index.ts";
import { MusketeersError } from "../protocol/index.ts";
import { type Invite, LINK_PATH, newSecretKey } from "../security/index.ts";
import { browserKey } from "./browser-key.ts";
import type { Cluster } from "./cluster.ts";
import { type ConnectOptions, connectTo, connectWith, type Platform } from "./connect.ts";

export type { FollowOptions, LiveState } from "./live.ts";
export * from "./public.ts";

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
