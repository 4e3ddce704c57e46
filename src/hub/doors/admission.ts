import { type Limits, MusketeersError } from "../../protocol/index.ts";
import { networkOf } from "./addresses.ts";
import { HeadCount } from "./head-count.ts";

type AdmissionLimits = Pick<Limits, "handshakesMax" | "clientsMax" | "connectionsPerKeyMax">;

/** Whoever comes. */
export interface Visitor {
  readonly address: string;
  fail(error: MusketeersError): void;
}

/** Bounds how many connections are in their handshake, how many come with one key, and how many clients there are. */
export class Admission<V extends Visitor> {
  readonly #limits: AdmissionLimits;
  /** The one that came first stands first. */
  readonly #handshakes = new Set<V>();
  readonly #networks = new HeadCount();
  readonly #clients = new Set<V>();
  readonly #keys = new HeadCount();
  readonly #keyOf = new Map<V, string>();

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get handshakes(): number {
    return this.#handshakes.size;
  }

  /**
   * A connection begins its handshake. Where there are too many, one has to go: of the network that has most of
   * them the one that has been at it for longest. Who means it is done in a moment, so that idle strangers keep
   * nobody out, and least of all those who come from elsewhere.
   */
  arrived(visitor: V): void {
    this.#handshakes.add(visitor);
    this.#networks.add(networkOf(visitor.address));
    if (this.#handshakes.size <= this.#limits.handshakesMax) return;
    const crowded = this.#networks.largest;
    for (const slowest of this.#handshakes) {
      if (networkOf(slowest.address) !== crowded) continue;
      this.#endHandshake(slowest);
      const message = "Too many handshakes are under way (handshakesMax)";
      slowest.fail(new MusketeersError("TOO_MANY", message));
      return;
    }
  }

  /**
   * A peer has proven a key.
   * @throws MusketeersError `TOO_MANY`
   */
  admitKey(visitor: V, key: string): void {
    const { connectionsPerKeyMax } = this.#limits;
    if (this.#keys.of(key) >= connectionsPerKeyMax) {
      const message = `This key has ${connectionsPerKeyMax} connections already (connectionsPerKeyMax)`;
      throw new MusketeersError("TOO_MANY", message);
    }
    this.#keyOf.set(visitor, key);
    this.#keys.add(key);
  }

  /**
   * A peer has proven that it is a client.
   * @throws MusketeersError `TOO_MANY`
   */
  admitClient(visitor: V): void {
    if (this.#clients.size >= this.#limits.clientsMax) {
      throw new MusketeersError("TOO_MANY", `The hub has ${this.#clients.size} clients already (clientsMax)`);
    }
    this.#clients.add(visitor);
  }

  /** The handshake has succeeded. */
  admitted(visitor: V): void {
    this.#endHandshake(visitor);
  }

  left(visitor: V): void {
    this.#endHandshake(visitor);
    this.#clients.delete(visitor);
    const key = this.#keyOf.get(visitor);
    if (key === undefined) return;
    this.#keyOf.delete(visitor);
    this.#keys.remove(key);
  }

  #endHandshake(visitor: V): void {
    if (this.#handshakes.delete(visitor)) this.#networks.remove(networkOf(visitor.address));
  }
}
