import { createHash } from "node:crypto";
import { Agent, type RequestOptions } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect, TLSSocket } from "node:tls";
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

type Connected = (error: Error | null, socket: Duplex) => void;

/** Connections to nobody but the holder of the pinned key, who is told nothing before that is proven. */
export class PinnedAgent extends Agent {
  readonly #pin: Uint8Array;

  constructor(pin: Uint8Array) {
    // A session that is resumed shows no certificate.
    super({ keepAlive: true, rejectUnauthorized: false, maxCachedSessions: 0 });
    this.#pin = pin;
  }

  override createConnection(options: RequestOptions, connected?: Connected): undefined {
    const socket = connect(options as ConnectionOptions);
    const fail = (error: Error): void => {
      connected?.(error, socket);
    };
    socket.once("error", fail);
    socket.once("secureConnect", () => {
      socket.off("error", fail);
      if (hasPinnedKey(socket, this.#pin)) {
        connected?.(null, socket);
        return;
      }
      socket.destroy();
      fail(new Error(WRONG_PIN));
    });
  }
}
