import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { Agent, buildConnector, fetch as undiciFetch } from "undici";
import { equalBytes } from "../security/index.ts";

/*
 * TLS by a key that an invite pins. Such a hub signed its certificate itself, so that no authority vouches for it;
 * what is compared is the SHA-256 of its public key (SPKI), as HPKP did (RFC 7469) and as curl's --pinnedpubkey does.
 */

/** What whoever is given another key is told. */
export const WRONG_PIN = "its TLS key is not the one that the invite pins";

/** Whether the other side of a socket proved the pinned key. */
export function hasPinnedKey(socket: Socket, pin: Uint8Array): boolean {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return false;
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return equalBytes(createHash("sha256").update(spki).digest(), pin);
}

/** A `fetch` that speaks to nobody but the holder of the pinned key. */
export function pinnedFetch(pin: Uint8Array): typeof globalThis.fetch {
  // A session that is resumed shows no certificate.
  const connect = buildConnector({ rejectUnauthorized: false, maxCachedSessions: 0 });
  const dispatcher = new Agent({
    connect: (options, callback) =>
      connect(options, (...[error, socket]) => {
        if (error !== null || socket === null) {
          callback(error ?? new Error("no socket"), null);
        } else if (hasPinnedKey(socket, pin)) {
          callback(null, socket);
        } else {
          socket.destroy();
          callback(new Error(WRONG_PIN), null);
        }
      }),
  });
  // The library's own types of the same things.
  const pinned = (url: string, init: object) => undiciFetch(url, { ...init, dispatcher });
  return pinned as unknown as typeof globalThis.fetch;
}
