/** Through the system's cache, or past it. */
export type Way = "cached" | "direct";

/** How much the last time counts. */
const LAST_SHARE = 0.25;
/** The slower way is tried again after as many writes as would have taken so many times as long. */
const RETRY_TIMES = 32;
/** After so many at the latest. */
const RETRY_WRITES_MAX = 1024;
/** A copy into the cache keeps a processor from other work, and the disk has to write it all the same: it has to be so much faster. */
const CACHED_GAIN_MIN = 4;

/**
 * Which way to write is the faster one here, found out by going both. A write into the cache is a copy where memory
 * is at hand and the disk slow; where a virtual machine has to ask for each page it takes several times as long as
 * the disk.
 */
export class FasterWay {
  readonly #msPerByte = new Map<Way, number>();
  /** Writes since the slower way was tried. */
  #count = 0;
  #closed: Way | undefined;

  /** The way to go next, which then counts as gone. */
  next(): Way {
    const next = this.best;
    this.#count = this.#isRetry ? 0 : this.#count + 1;
    return next;
  }

  /** What `next` will say. */
  get best(): Way {
    if (this.#closed !== undefined) return other(this.#closed);
    const { cached, direct } = this.#both;
    if (cached === undefined || direct === undefined) return cached === undefined ? "cached" : "direct";
    const better = cached * CACHED_GAIN_MIN <= direct ? "cached" : "direct";
    return this.#isRetry ? other(better) : better;
  }

  get #both(): Readonly<Record<Way, number | undefined>> {
    return { cached: this.#msPerByte.get("cached"), direct: this.#msPerByte.get("direct") };
  }

  /** Whether it is time for the slower way. */
  get #isRetry(): boolean {
    const { cached, direct } = this.#both;
    if (cached === undefined || direct === undefined) return false;
    const slowness = Math.max(cached, direct) / Math.min(cached, direct);
    return this.#count + 1 >= Math.min(RETRY_TIMES * slowness, RETRY_WRITES_MAX);
  }

  took(way: Way, bytes: number, ms: number): void {
    const before = this.#msPerByte.get(way) ?? ms / bytes;
    this.#msPerByte.set(way, before + (ms / bytes - before) * LAST_SHARE);
  }

  /** Not to be gone again. */
  close(way: Way): void {
    this.#closed = way;
  }
}

const other = (way: Way): Way => (way === "cached" ? "direct" : "cached");
