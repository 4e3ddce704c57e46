/** Through the system's cache, or past it. */
export type Way = "cached" | "direct";

/** How much the last time counts. */
const LAST_SHARE = 0.25;
/** The slower way is tried again after as many writes as would have taken so many times as long. */
const RETRY_TIMES = 32;
/** After so many at the latest. */
const RETRY_WRITES_MAX = 1024;
/** A copy into the cache keeps a processor busy, and the disk has to write it all the same: it has to be so much faster. */
const CACHED_GAIN_MIN = 2;

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

  next(): Way {
    const cached = this.#msPerByte.get("cached");
    const direct = this.#msPerByte.get("direct");
    if (this.#closed !== undefined) return other(this.#closed);
    if (cached === undefined || direct === undefined) return cached === undefined ? "cached" : "direct";
    const better = cached * CACHED_GAIN_MIN <= direct ? "cached" : "direct";
    const slowness = Math.max(cached, direct) / Math.min(cached, direct);
    if (++this.#count < Math.min(RETRY_TIMES * slowness, RETRY_WRITES_MAX)) return better;
    this.#count = 0;
    return other(better);
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
