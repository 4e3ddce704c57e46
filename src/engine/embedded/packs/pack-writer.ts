import { FasterWay } from "./faster-way.ts";
import { GroupBytes } from "./group-bytes.ts";
import type { Pack } from "./pack.ts";
import { type FillingGroup, type Group, type Writing, withResolvers } from "./pack-group.ts";
import { PackTail, type PackTailOptions } from "./pack-tail.ts";

export interface PackWriterOptions extends Omit<PackTailOptions, "nextNumber" | "way" | "underWay"> {
  readonly blobBytesMax: number;
  /** Number of the next pack. */
  readonly next: number;
  /** A pack to go on with; what stands behind its end is cut off. */
  readonly current: Pack | undefined;
  readonly guard: (() => void) | undefined;
}

/**
 * Three of these are in use at most: two that are written, one that is filled meanwhile. Disks take long writes at half
 * the time for each byte.
 */
const GROUP_BYTES = 2 * 1024 * 1024 + 64 * 1024;
/**
 * Packs that are written to at the same time: a disk that has the next write when it ends one does not wait for this
 * process in between. Of one file systems take one write at a time that makes it longer.
 */
const TAILS = 2;
/** A shorter write waits for the end of the one before, and grows meanwhile. */
const OVERLAP_BYTES_MIN = 1024 * 1024;
/** Slower disks gain nothing by it, and those that turn lose time on the way from one file to the other. */
const OVERLAP_BYTES_PER_MS_MIN = 300_000;

/**
 * Appends records to packs: what comes while a write is under way is written together with the next. Long writes
 * past the cache go to two packs at the same time where the disk is fast. Both end together, so that what is stored
 * again for being damaged is never in a pack of a smaller number than one with an index that still has it.
 */
export class PackWriter {
  readonly #options: PackWriterOptions;
  readonly #spare: GroupBytes[] = [];
  readonly #way = new FasterWay();
  readonly #tails: readonly PackTail[];
  readonly #busy = new Set<PackTail>();
  #filling: FillingGroup | undefined;
  /** Resolves when the group that is filled has gone to be written. */
  #turn = withResolvers();
  /** Who waits for the end of the packs. */
  #rolls: ReturnType<typeof withResolvers>[] = [];
  #isRolling = false;
  #isScheduled = false;

  constructor(options: PackWriterOptions) {
    this.#options = options;
    let { next } = options;
    const tail: PackTailOptions = {
      ...options,
      way: this.#way,
      nextNumber: () => next++,
      underWay: () => this.#busy.size,
    };
    // A strict writer waits for syncs, one for each pack.
    const count = options.strict ? 1 : TAILS;
    this.#tails = Array.from({ length: count }, (_, at) => {
      return new PackTail(tail, at === 0 ? options.current : undefined);
    });
  }

  /** Whether it may still write to a pack. */
  writesTo(pack: Pack): boolean {
    return this.#tailOf(pack) !== undefined;
  }

  #tailOf(pack: Pack): PackTail | undefined {
    return this.#tails.find((tail) => tail.pack === pack);
  }

  /** Takes a blob; gives the group that it is written with. */
  async add(blob: Writing): Promise<Group> {
    while (this.#filling?.content.hasRoomFor(blob) === false) await this.#turn.promise;
    this.#filling ??= this.#newGroup();
    const group = this.#filling;
    const { key, bytes, from, release } = blob;
    const { at, isReferred } = group.content.add(blob, release !== undefined);
    group.records.push({ key, bytes: bytes.length, at, from });
    if (isReferred) group.releases.push(release!);
    else release?.();
    this.#start();
    return group;
  }

  #newGroup(): FillingGroup {
    const { promise, resolve, reject } = withResolvers();
    this.#turn = withResolvers();
    const content = this.#spare.pop() ?? new GroupBytes(GROUP_BYTES, this.#options.blobBytesMax);
    const place = { pack: undefined, start: 0, end: 0 };
    return { records: [], done: promise, ...place, content, releases: [], resolve, reject };
  }

  /** Ends the packs that are written to; the next record begins another. */
  roll(): Promise<void> {
    const roll = withResolvers();
    this.#rolls.push(roll);
    this.#start();
    return roll.promise;
  }

  #start(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // What is given in one go is written together.
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#next();
    });
  }

  /** Does what can be done now; what has to wait comes with the end of what it waits for. */
  #next(): void {
    if (this.#isRolling) return;
    const group = this.#filling;
    const tail = group && this.#tailFor(group.content.bytes);
    if (this.#rolls.length > 0 || tail?.isFullFor(group!.content.bytes) === true) {
      if (this.#busy.size === 0) void this.#rollNow();
      return;
    }
    if (group === undefined || tail === undefined) return;
    this.#filling = undefined;
    this.#turn.resolve();
    void this.#write(tail, group);
  }

  /** Where a group may be written now. */
  #tailFor(bytes: number): PackTail | undefined {
    if (this.#busy.size > 0 && !this.#canOverlap(bytes)) return undefined;
    return this.#tails.find((tail) => !this.#busy.has(tail));
  }

  #canOverlap(bytes: number): boolean {
    const isFast = this.#way.best === "direct" && this.#way.bytesPerMs("direct") >= OVERLAP_BYTES_PER_MS_MIN;
    return isFast && bytes >= OVERLAP_BYTES_MIN;
  }

  async #write(tail: PackTail, group: FillingGroup): Promise<void> {
    this.#busy.add(tail);
    try {
      this.#options.guard?.();
      await tail.write(group);
      group.resolve();
    } catch (error) {
      group.reject(error);
    }
    group.content.clear();
    this.#spare.push(group.content);
    for (const release of group.releases) release();
    this.#busy.delete(tail);
    this.#start();
  }

  async #rollNow(): Promise<void> {
    this.#isRolling = true;
    const rolls = this.#rolls;
    this.#rolls = [];
    try {
      for (const tail of this.#tails) await tail.finish();
      for (const { resolve } of rolls) resolve();
    } catch (error) {
      // Who waited for a sync of that pack hears of it, too. The pack is ended by the next try.
      for (const { reject } of rolls) reject(error);
    }
    this.#isRolling = false;
    this.#start();
  }

  /**
   * Resolves when the beginning of a pack survives a power cut, or when it is no longer written to: a strict
   * writer has synced it then.
   * @throws what the disk says; nothing that was written since the last sync can be relied on then.
   */
  async sync(pack: Pack, end: number): Promise<void> {
    while (pack.synced < end) {
      if (pack.failure !== undefined) throw pack.failure;
      const tail = this.#tailOf(pack);
      if (tail === undefined) return;
      await tail.sync();
    }
  }
}
