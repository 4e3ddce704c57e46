import { type Limits, MusketeersError } from "../protocol/index.ts";
import type { Peer } from "./peer.ts";

/** Bounds how many connections are in their handshake, and how many clients there are. */
export class Admission {
  readonly #limits: Pick<Limits, "handshakesMax" | "clientsMax">;
  /** The one that came first stands first. */
  readonly #handshakes = new Set<Peer>();
  readonly #clients = new Set<Peer>();

  constructor(limits: Pick<Limits, "handshakesMax" | "clientsMax">) {
    this.#limits = limits;
  }

  get handshakes(): number {
    return this.#handshakes.size;
  }

  /**
   * A connection begins its handshake. Where there are too many, the one that has been at it for longest
   * has to go: who means it is done in a moment, so that idle strangers keep nobody out.
   */
  arrived(peer: Peer): void {
    this.#handshakes.add(peer);
    if (this.#handshakes.size <= this.#limits.handshakesMax) return;
    for (const slowest of this.#handshakes) {
      this.#handshakes.delete(slowest);
      const message = "Too many handshakes are under way (handshakesMax)";
      slowest.fail(new MusketeersError("TOO_MANY", message));
      return;
    }
  }

  /**
   * A peer has proven that it is a client.
   * @throws MusketeersError `TOO_MANY`
   */
  admitClient(peer: Peer): void {
    if (this.#clients.size >= this.#limits.clientsMax) {
      throw new MusketeersError("TOO_MANY", `The hub has ${this.#clients.size} clients already (clientsMax)`);
    }
    this.#clients.add(peer);
  }

  /** The handshake has succeeded. */
  admitted(peer: Peer): void {
    this.#handshakes.delete(peer);
  }

  left(peer: Peer): void {
    this.#handshakes.delete(peer);
    this.#clients.delete(peer);
  }
}
