import { isCid } from "../../data/index.ts";
import type { Blobs } from "../../engine/index.ts";
import {
  type BlobSourceHint,
  type ForgetMessage,
  type HoldsMessage,
  type Limits,
  type LocatedMessage,
  type LocateMessage,
  MusketeersError,
  type NearMessage,
  type WhereaboutsMessage,
} from "../../protocol/index.ts";
import { signBlobPass } from "../../security/index.ts";
import { Locality, type LocalityOptions } from "./locality.ts";
import { Neighbourhood, realmOf } from "./neighbourhood.ts";
import { Tracker } from "./tracker.ts";

/** How a serving worker's tokens are made. */
interface Door {
  readonly port: number;
  readonly key: Uint8Array;
  /** Its clock minus the hub's. */
  readonly aheadMs: number;
}

export interface PeersOptions {
  readonly limits: Limits;
  /** Monotonic, in milliseconds. */
  readonly nowMs: () => number;
  readonly send: (worker: string, message: NearMessage | ForgetMessage) => void;
  readonly blobs: Blobs;
  readonly onNear: LocalityOptions["onNear"];
}

const KEY_BYTES_MIN = 16;

/** The hub's part in the exchange of blobs between workers: who is near whom, who keeps what, tokens. */
export class Peers {
  readonly tracker: Tracker;
  /** Which inputs of jobs refer to what. */
  readonly locality: Locality;
  readonly #options: PeersOptions;
  readonly #neighbourhood: Neighbourhood;
  readonly #doors = new Map<string, Door>();

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#neighbourhood = new Neighbourhood((worker, anyone) =>
      options.send(worker, { type: "near", anyone }),
    );
    const reaches = (asker: string, holder: string) => this.#neighbourhood.path(asker, holder) !== undefined;
    this.tracker = new Tracker(options.limits, reaches);
    this.locality = new Locality({ ...options, tracker: this.tracker });
  }

  /** Workers that said where they are. */
  get size(): number {
    return this.#neighbourhood.size;
  }

  /** @param seenAddress where the worker's connection comes from */
  whereabouts(worker: string, message: WhereaboutsMessage, seenAddress: string): void {
    const { places, port, key, nowMs } = message;
    const serves = port > 0;
    if (serves && key.length < KEY_BYTES_MIN) {
      throw new MusketeersError("PROTOCOL", "A worker that serves blobs without a key for their tokens");
    }
    if (serves) this.#doors.set(worker, { port, key, aheadMs: nowMs - this.#options.nowMs() });
    else this.#doors.delete(worker);
    this.#neighbourhood.enter(worker, { places, realm: realmOf(places, seenAddress), serves });
  }

  holds(worker: string, { add, drop }: HoldsMessage): void {
    if (!add.every(isCid)) throw new MusketeersError("PROTOCOL", "A worker keeps what is no CID");
    for (const cid of drop) this.tracker.drop(worker, cid);
    for (const cid of add) this.tracker.hold(worker, cid);
    this.locality.holdings(worker, add, drop);
  }

  /** Whom to ask for the blobs that a worker is about to fetch. */
  locate(worker: string, { call, cids, faults }: LocateMessage): LocatedMessage {
    const nowMs = this.#options.nowMs();
    for (const { worker: about } of faults) this.tracker.complain(worker, about, nowMs);
    const serves = this.#doors.has(worker);
    const sources = cids.map((cid) => {
      const holders = this.tracker.locate(worker, cid, serves, nowMs);
      return holders.flatMap((holder) => this.#hint(worker, holder, cid, nowMs) ?? []);
    });
    return { type: "located", call, sources };
  }

  /** Tells those who keep some blobs that nobody needs them any more. */
  forget(cids: readonly string[]): void {
    const byWorker = new Map<string, string[]>();
    for (const cid of cids) {
      for (const worker of this.tracker.holdersOf(cid)) {
        const kept = byWorker.get(worker);
        if (kept === undefined) byWorker.set(worker, [cid]);
        else kept.push(cid);
      }
    }
    const { limits, send } = this.#options;
    for (const [worker, kept] of byWorker) {
      for (let from = 0; from < kept.length; from += limits.locateBlobsMax) {
        send(worker, { type: "forget", cids: kept.slice(from, from + limits.locateBlobsMax) });
      }
    }
  }

  /** Whether others can fetch from it. */
  serves(worker: string): boolean {
    return this.#doors.has(worker);
  }

  /** Of how many others it was told lately that this worker serves wrong blobs, or none. */
  complaintsOf(worker: string): number {
    return this.tracker.accusersOf(worker, this.#options.nowMs());
  }

  leave(worker: string): void {
    this.#neighbourhood.leave(worker);
    this.tracker.leave(worker);
    this.#doors.delete(worker);
  }

  #hint(worker: string, holder: string, cid: string, nowMs: number): BlobSourceHint | undefined {
    const path = this.#neighbourhood.path(worker, holder);
    const door = this.#doors.get(holder);
    if (path === undefined || door === undefined) return undefined;
    const untilMs = nowMs + door.aheadMs + this.#options.limits.neighbourTokenMs;
    const token = signBlobPass({ cid, address: path.from, untilMs }, door.key);
    return { worker: holder, address: path.to, port: door.port, token };
  }
}
