import type { BlobStore, CacheWatcher } from "../../data/index.ts";
import {
  type BlobSourceHint,
  type Limits,
  type LocatedMessage,
  type NeighbourFault,
  type NeighbourToHub,
  toMusketeersError,
} from "../../protocol/index.ts";
import type { BlobAddress, FetchBlobOptions } from "./fetch-blob.ts";

export type FetchBlob = (from: BlobAddress, cid: string, options: FetchBlobOptions) => Promise<Uint8Array>;

export interface NeighboursOptions {
  /** Where blobs come from that no neighbour gave. */
  readonly hub: BlobStore;
  /** Says something to the hub; says whether it could. */
  readonly send: (message: NeighbourToHub) => boolean;
  /** Whether an address is in one of the networks that this machine is on: no other is dialled. */
  readonly includes: (address: string) => boolean;
  readonly limits: Limits;
  /** Fetches a blob from a neighbour and verifies it; see `BlobFetcher`. */
  readonly fetchBlob: FetchBlob;
  /** Told whose bytes were used: a neighbour's or the hub's. */
  readonly onFetched?: (bytes: number, from: "neighbour" | "hub") => void;
}

/** Below stand the services of routers and the like, which nobody is to be sent to. */
const PORT_MIN = 1_024;

interface Question {
  readonly cid: string;
  answer(sources: readonly BlobSourceHint[]): void;
}

interface CallOptions {
  readonly signal?: AbortSignal;
}

/**
 * Blobs by way of neighbours: asks the hub who has them, fetches from those, and from the hub what they
 * have not got, do not give or give wrongly. Says what this worker keeps.
 *
 * Questions wait for the answer to the one before and travel together.
 */
export class Neighbours implements BlobStore, CacheWatcher {
  readonly #options: NeighboursOptions;
  readonly #added = new Set<string>();
  readonly #dropped = new Set<string>();
  /** Those that failed, not yet reported. */
  readonly #faults = new Map<string, NeighbourFault>();
  /** Those that failed, and until when they are not asked, though the hub may have named them before. */
  readonly #avoided = new Map<string, number>();
  #waiting: Question[] = [];
  #asked: { readonly call: number; readonly questions: readonly Question[] } | undefined;
  #calls = 0;
  #anyone = false;
  #scheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /**
   * Fetches a blob.
   * @throws what the hub's store throws, or the signal's reason.
   */
  async get(cid: string, options: CallOptions = {}): Promise<Uint8Array> {
    const sources = this.#anyone ? await this.#locate(cid) : [];
    for (const source of sources) {
      options.signal?.throwIfAborted();
      if (!this.#mayDial(source) || this.#avoids(source.worker)) continue;
      const bytes = await this.#fetchFrom(source, cid, options.signal);
      if (bytes === undefined) continue;
      this.#options.onFetched?.(bytes.length, "neighbour");
      return bytes;
    }
    const bytes = await this.#options.hub.get(cid, options);
    this.#options.onFetched?.(bytes.length, "hub");
    return bytes;
  }

  put(bytes: Uint8Array, options?: Parameters<BlobStore["put"]>[1]): Promise<string> {
    return this.#options.hub.put(bytes, options);
  }

  kept(cid: string): void {
    if (!this.#dropped.delete(cid)) this.#added.add(cid);
    this.#announceLater();
  }

  dropped(cid: string): void {
    if (!this.#added.delete(cid)) this.#dropped.add(cid);
    this.#announceLater();
  }

  /** A new connection, of which the hub does not know what this worker keeps. */
  onUp(cids: Iterable<string>): void {
    this.onDown();
    for (const cid of cids) this.#added.add(cid);
    this.#announceLater();
  }

  onDown(): void {
    this.#anyone = false;
    this.#dropped.clear();
    this.#added.clear();
    const questions = [...(this.#asked?.questions ?? []), ...this.#waiting.splice(0)];
    this.#asked = undefined;
    for (const question of questions) question.answer([]);
  }

  /** There is somebody, or nobody, for whom it is worth while to ask. */
  onNear(anyone: boolean): void {
    this.#anyone = anyone;
  }

  onLocated({ call, sources }: LocatedMessage): void {
    if (this.#asked?.call !== call) return;
    const { questions } = this.#asked;
    this.#asked = undefined;
    for (const [at, question] of questions.entries()) question.answer(sources[at] ?? []);
    this.#ask();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.onDown();
  }

  #locate(cid: string): Promise<readonly BlobSourceHint[]> {
    return new Promise((answer) => {
      this.#waiting.push({ cid, answer });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // What is asked for in one go travels together.
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#ask();
      });
    });
  }

  #ask(): void {
    if (this.#asked !== undefined || this.#waiting.length === 0) return;
    const questions = this.#waiting.splice(0, this.#options.limits.locateBlobsMax);
    const faults = [...this.#faults].map(([worker, fault]) => ({ worker, fault }));
    this.#faults.clear();
    const call = ++this.#calls;
    this.#asked = { call, questions };
    const cids = questions.map(({ cid }) => cid);
    if (!this.#options.send({ type: "locate", call, cids, faults })) this.onDown();
  }

  /** The bytes, verified; undefined where the neighbour did not give them. */
  async #fetchFrom(
    source: BlobSourceHint,
    cid: string,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | undefined> {
    const { limits, fetchBlob } = this.#options;
    try {
      const bounds = { stallMs: limits.neighbourStallMs, bytesMax: limits.blobBytesMax };
      return await fetchBlob(source, cid, { ...bounds, signal });
    } catch (error) {
      signal?.throwIfAborted();
      const fault = faultOf(toMusketeersError(error).code);
      if (fault !== undefined) this.#complain(source.worker, fault);
      return undefined;
    }
  }

  /** Whatever the hub says, and whoever told it. */
  #mayDial({ address, port }: BlobSourceHint): boolean {
    return port >= PORT_MIN && this.#options.includes(address);
  }

  #avoids(worker: string): boolean {
    return (this.#avoided.get(worker) ?? 0) > performance.now();
  }

  #complain(worker: string, fault: NeighbourFault): void {
    const nowMs = performance.now();
    for (const [name, untilMs] of this.#avoided) if (untilMs <= nowMs) this.#avoided.delete(name);
    this.#avoided.set(worker, nowMs + this.#options.limits.neighbourRetryMs);
    if (this.#faults.size < this.#options.limits.locateBlobsMax) this.#faults.set(worker, fault);
  }

  #announceLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#announce();
    }, this.#options.limits.holdsIntervalMs);
  }

  #announce(): void {
    const { locateBlobsMax } = this.#options.limits;
    while (this.#added.size + this.#dropped.size > 0) {
      const add = takeSome(this.#added, locateBlobsMax);
      const drop = takeSome(this.#dropped, locateBlobsMax);
      // What cannot be said now is said with all the rest on the next connection.
      if (!this.#options.send({ type: "holds", add, drop })) return;
    }
  }
}

/** What a neighbour that failed did wrong; undefined: nothing, it merely has not got the blob any more. */
function faultOf(code: string): NeighbourFault | undefined {
  if (code === "BLOB_MISMATCH" || code === "LIMIT_EXCEEDED") return "wrong";
  return code === "NOT_FOUND" || code === "TOO_MANY" || code === "UNAUTHORIZED" ? undefined : "unreachable";
}

function takeSome(set: Set<string>, countMax: number): string[] {
  const taken: string[] = [];
  for (const item of set) {
    if (taken.length >= countMax) break;
    taken.push(item);
    set.delete(item);
  }
  return taken;
}
