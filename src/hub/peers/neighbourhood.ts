import { isDeepStrictEqual } from "node:util";
import type { Place } from "../../protocol/index.ts";

/** Who is where, as the hub knows it. */
export interface Whereabouts {
  readonly places: readonly Place[];
  /**
   * What tells networks apart that have the same addresses: the address of the translator (NAT) that the
   * worker's connection comes through, or empty where it comes straight from one of its places.
   */
  readonly realm: string;
  /** Whether others may fetch from it. */
  readonly serves: boolean;
}

interface Group {
  /** Its members' addresses in the network. */
  readonly addresses: Map<string, string>;
  servers: number;
}

/** From a worker's places and where its connection was seen to come from. */
export const realmOf = (places: readonly Place[], seenAddress: string): string =>
  places.some(({ address }) => address === seenAddress) ? "" : seenAddress;

/** Which workers are in one network, so that one may fetch from another. */
export class Neighbourhood {
  readonly #whereabouts = new Map<string, Whereabouts>();
  readonly #groups = new Map<string, Group>();
  readonly #near = new Map<string, boolean>();
  readonly #onNear: (worker: string, anyone: boolean) => void;

  /** @param onNear told when the first neighbour that makes a difference came, and when the last left */
  constructor(onNear: (worker: string, anyone: boolean) => void = () => {}) {
    this.#onNear = onNear;
  }

  /** Workers whose whereabouts are known. */
  get size(): number {
    return this.#whereabouts.size;
  }

  /** Enters a worker, or moves it. */
  enter(worker: string, whereabouts: Whereabouts): void {
    if (isDeepStrictEqual(this.#whereabouts.get(worker), whereabouts)) return;
    this.leave(worker);
    this.#whereabouts.set(worker, whereabouts);
    for (const { network, address } of whereabouts.places) {
      const key = keyOf(whereabouts, network);
      let group = this.#groups.get(key);
      if (group === undefined) {
        group = { addresses: new Map(), servers: 0 };
        this.#groups.set(key, group);
      }
      if (group.addresses.has(worker)) continue;
      group.addresses.set(worker, address);
      if (whereabouts.serves) group.servers++;
      this.#refreshAfter(group, whereabouts.serves);
    }
    this.#refresh(worker);
  }

  leave(worker: string): void {
    const whereabouts = this.#whereabouts.get(worker);
    if (whereabouts === undefined) return;
    this.#whereabouts.delete(worker);
    this.#near.delete(worker);
    for (const { network } of whereabouts.places) {
      const key = keyOf(whereabouts, network);
      const group = this.#groups.get(key);
      if (group?.addresses.delete(worker) !== true) continue;
      if (whereabouts.serves) group.servers--;
      if (group.addresses.size === 0) this.#groups.delete(key);
      else this.#refreshAfter(group, whereabouts.serves);
    }
  }

  /** Whether there is anybody whom it could fetch from, or who could fetch from it. */
  hasNeighbours(worker: string): boolean {
    return this.#near.get(worker) ?? false;
  }

  /** How one reaches another: the addresses of both in a network that both are on; undefined: not at all. */
  path(from: string, to: string): { readonly from: string; readonly to: string } | undefined {
    const [asker, server] = [this.#whereabouts.get(from), this.#whereabouts.get(to)];
    if (asker === undefined || server?.serves !== true || from === to || asker.realm !== server.realm) {
      return undefined;
    }
    for (const { network, address } of server.places) {
      const own = this.#groups.get(keyOf(server, network))?.addresses.get(from);
      // Nobody shares an address with another on the same network, so it would be another one of this name.
      const same = own === address && !isLoopback(address);
      if (own !== undefined && !same) return { from: own, to: address };
    }
    return undefined;
  }

  /** Few comings and goings make a difference to others: those of the first two. */
  #refreshAfter(group: Group, serves: boolean): void {
    if (group.addresses.size > 2 && (!serves || group.servers > 2)) return;
    for (const worker of group.addresses.keys()) this.#refresh(worker);
  }

  #refresh(worker: string): void {
    const whereabouts = this.#whereabouts.get(worker);
    if (whereabouts === undefined) return;
    const anyone = whereabouts.places.some(({ network }) => {
      const group = this.#groups.get(keyOf(whereabouts, network));
      if (group === undefined) return false;
      return whereabouts.serves ? group.addresses.size > 1 : group.servers > 0;
    });
    if (anyone === this.hasNeighbours(worker)) return;
    this.#near.set(worker, anyone);
    this.#onNear(worker, anyone);
  }
}

const keyOf = ({ realm }: Whereabouts, network: string): string => `${realm}|${network}`;

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";
