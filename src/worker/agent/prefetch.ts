import {
  allowManyListeners,
  type BlobStore,
  cidOfDigest,
  decodeBlobRef,
  fileLeaves,
  isBlobRef,
} from "../../data/index.ts";
import {
  decodeOutputs,
  decodeResumed,
  eachRecord,
  type FileRef,
  filesIn,
  isResumed,
  type LeaseMessage,
  type Limits,
} from "../../protocol/index.ts";

/** Blobs that are fetched together. */
const FETCHES_AT_ONCE = 8;
/** Outputs of at most so many bytes are fetched together, because the way there takes longer than they do. */
const SMALL_BYTES = 65_536;
const SMALL_AT_ONCE = 64;

/** Blobs near and far. */
export interface NearBlobs extends Pick<BlobStore, "get"> {
  /** Whether it is here already. */
  has(cid: string): boolean;
}

/** What an input reads. */
interface Item {
  /** Of the input in its lease. */
  readonly position: number;
  readonly bytes: number;
  readonly ref: FileRef;
  /** A value that is too large for its record: one blob, not a file. */
  readonly isValue: boolean;
  /** One of many that an input reads all of. */
  readonly isOutput: boolean;
}

interface Next {
  readonly lease: Lease;
  readonly item: Item;
}

const isSmall = ({ item: { bytes, isOutput } }: Next): boolean => isOutput && bytes <= SMALL_BYTES;

interface Lease {
  readonly items: Item[];
  /** The first that was not fetched ahead. */
  next: number;
  /** Inputs that have their results. */
  done: number;
  readonly stop: AbortController;
}

/**
 * Fetches what the inputs of leases read while others run: files and large values, in their order, so much
 * ahead and no more. It only fills the cache; whoever needs something fetches it where this has not.
 */
export class Prefetch {
  readonly #blobs: NearBlobs;
  readonly #bytesMax: number;
  readonly #leases = new Map<string, Lease>();
  #running = false;

  constructor(blobs: NearBlobs, limits: Pick<Limits, "inputsAheadBytesMax">) {
    this.#blobs = blobs;
    this.#bytesMax = limits.inputsAheadBytesMax;
  }

  /** A lease, or a part of one. */
  begin({ lease, from, task }: Pick<LeaseMessage, "lease" | "from" | "task">, body: Uint8Array): void {
    const items = itemsIn(body, from, task.stage?.kind === "reduce");
    if (items.length === 0) return;
    const known = this.#leases.get(lease);
    if (known !== undefined) known.items.push(...items);
    else {
      const stop = new AbortController();
      allowManyListeners(stop.signal);
      this.#leases.set(lease, { items, next: 0, done: 0, stop });
    }
    void this.#run();
  }

  /** So many inputs have results; nothing: the lease is over. */
  advance(id: string, done: number | undefined): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    if (done === undefined) {
      this.#leases.delete(id);
      lease.stop.abort();
    } else lease.done = Math.max(lease.done, done);
    void this.#run();
  }

  end(): void {
    for (const { stop } of this.#leases.values()) stop.abort();
    this.#leases.clear();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let group = this.#take(); group.length > 0; group = this.#take()) {
      // Whoever needs it says what is wrong with it.
      await Promise.all(group.map(({ lease, item }) => this.#fetch(item, lease.stop.signal).catch(() => {})));
    }
    this.#running = false;
  }

  /** What is fetched next: one item, or small ones that follow each other. */
  #take(): Next[] {
    const group: Next[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (group.length > 0 && !isSmall(next)) break;
      next.lease.next++;
      group.push(next);
      if (!isSmall(next) || group.length >= SMALL_AT_ONCE) break;
    }
    return group;
  }

  #next(): Next | undefined {
    let ahead = 0;
    for (const { items, next, done } of this.#leases.values()) {
      for (let at = next - 1; at >= 0 && items[at]!.position >= done; at--) ahead += items[at]!.bytes;
    }
    if (ahead >= this.#bytesMax) return undefined;
    for (const lease of this.#leases.values()) {
      while (lease.next < lease.items.length && lease.items[lease.next]!.position < lease.done) lease.next++;
      const item = lease.items[lease.next];
      if (item !== undefined) return { lease, item };
    }
    return undefined;
  }

  async #fetch({ ref, isValue }: Item, signal: AbortSignal): Promise<void> {
    if (isValue) {
      if (!this.#blobs.has(ref.cid)) await this.#blobs.get(ref.cid, { signal });
      return;
    }
    const start = ref.start ?? 0;
    const end = Math.min(ref.end ?? ref.bytes, start + this.#bytesMax);
    const fetching = new Set<Promise<unknown>>();
    for await (const cid of fileLeaves(ref, this.#blobs, { start, end, signal })) {
      if (this.#blobs.has(cid)) continue;
      const one: Promise<unknown> = this.#blobs
        .get(cid, { signal })
        .catch(() => {})
        .finally(() => fetching.delete(one));
      fetching.add(one);
      if (fetching.size >= FETCHES_AT_ONCE) await Promise.race(fetching);
    }
    await Promise.all(fetching);
  }
}

function itemsIn(body: Uint8Array, from: number, isColumn: boolean): Item[] {
  const items: Item[] = [];
  let position = from;
  for (const record of eachRecord(body)) {
    try {
      for (const item of itemsOf(isResumed(record) ? decodeResumed(record).input : record, isColumn)) {
        items.push({ ...item, position });
      }
    } catch {
      // Whoever reads the record says what is wrong with it.
    }
    position++;
  }
  return items;
}

function* itemsOf(record: Uint8Array, isColumn: boolean): Generator<Omit<Item, "position">> {
  if (isBlobRef(record)) {
    const { cid, bytes } = decodeBlobRef(record);
    yield { ref: { cid, bytes }, bytes, isValue: true, isOutput: false };
  } else if (isColumn) {
    for (const output of decodeOutputs(record)) {
      if (output === undefined) continue;
      const { digest, codec, bytes } = output;
      yield { ref: { cid: cidOfDigest(digest, codec), bytes }, bytes, isValue: false, isOutput: true };
    }
  } else {
    for (const ref of filesIn(record)) {
      yield { ref, bytes: (ref.end ?? ref.bytes) - (ref.start ?? 0), isValue: false, isOutput: false };
    }
  }
}
