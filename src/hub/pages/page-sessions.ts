import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { MusketeersError } from "../../protocol/index.ts";
import { type Grant, openGrant } from "../../security/index.ts";

const KEY_BYTES = 32;
const NAME_CHARACTERS = 8;
const VERSION = "1";

export interface PageSessionsOptions {
  readonly hubSecretKey: Uint8Array;
  readonly hubKey: Uint8Array;
  /** A browser stays signed in for so long, and no longer than its invite is good. */
  readonly pageSessionMs: number;
  nowMs(): number;
  isRevoked(grantId: string): boolean;
}

/** A browser that signed in. */
export interface PageSession {
  readonly grant: Grant;
  readonly expiresAtMs: number;
  /** What its page has to show besides the cookie, which no other origin can read. */
  readonly token: string;
}

/**
 * Browsers that signed in with an invite. Nothing is kept here: the cookie holds the grant, authenticated under a key
 * that follows from the hub's (HMAC-SHA-256), so that it outlives a restart and ends with its invite.
 */
export class PageSessions {
  /** Cookies do not know ports: hubs on one machine need names of their own. */
  readonly cookieName: string;
  readonly #options: PageSessionsOptions;
  readonly #key: Uint8Array;

  constructor(options: PageSessionsOptions) {
    this.#options = options;
    const name = Buffer.from(options.hubKey).toString("hex").slice(0, NAME_CHARACTERS);
    this.cookieName = `musketeers-${name}`;
    this.#key = new Uint8Array(
      hkdfSync("sha256", options.hubSecretKey, new Uint8Array(0), "musketeers page", KEY_BYTES),
    );
  }

  /**
   * The cookie's value for somebody who has proven an invite.
   * @param grant as the hub signed it
   */
  seal(grant: Uint8Array): { readonly value: string; readonly maxAgeMs: number } {
    const { nowMs, hubKey, pageSessionMs } = this.#options;
    const now = nowMs();
    const { expiresAtMs } = openGrant(grant, hubKey, now);
    const endsAtMs = Math.min(expiresAtMs, now + pageSessionMs);
    const claim = `${VERSION}.${endsAtMs}.${Buffer.from(grant).toString("base64url")}`;
    return { value: `${claim}.${this.#mac(`cookie ${claim}`)}`, maxAgeMs: endsAtMs - now };
  }

  /** @throws MusketeersError `UNAUTHORIZED`, `INVITE_EXPIRED` */
  open(cookie: string): PageSession {
    const { nowMs, hubKey, isRevoked } = this.#options;
    const end = cookie.lastIndexOf(".");
    const claim = cookie.slice(0, Math.max(0, end));
    const [version, endsAt, grantText] = claim.split(".");
    if (version !== VERSION || grantText === undefined) throw signedOut();
    if (!equal(this.#mac(`cookie ${claim}`), cookie.slice(end + 1))) throw signedOut();
    const expiresAtMs = Number(endsAt);
    const grant = openGrant(new Uint8Array(Buffer.from(grantText, "base64url")), hubKey, nowMs());
    if (expiresAtMs <= nowMs() || isRevoked(grant.id)) throw signedOut();
    return { grant, expiresAtMs, token: this.#mac(`token ${cookie}`) };
  }

  /**
   * The grant of a page's connection: its cookie, and the token that only the hub's own page can know.
   * @throws MusketeersError `UNAUTHORIZED`
   */
  grantOf(cookie: string, token: Uint8Array): Grant {
    const session = this.open(cookie);
    if (!equal(session.token, Buffer.from(token).toString("base64url"))) throw signedOut();
    return session.grant;
  }

  /** The value of this hub's cookie among all that a browser sent; empty where there is none. */
  cookieIn(header: string | undefined): string {
    for (const pair of (header ?? "").split(";")) {
      const [name, value] = pair.trim().split("=", 2);
      if (name === this.cookieName) return value ?? "";
    }
    return "";
  }

  #mac(text: string): string {
    return createHmac("sha256", this.#key).update(text).digest("base64url");
  }
}

const signedOut = (): MusketeersError =>
  new MusketeersError("UNAUTHORIZED", "This browser is not signed in", {
    hint: "Open the link of an invite: musketeers invite --role viewer.",
  });

function equal(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Whether a request's origin is the very address that it goes to. */
export function isSameOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === host.toLowerCase();
}
