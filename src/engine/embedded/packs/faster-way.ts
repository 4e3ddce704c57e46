/** Through the system's cache, or past it. */
export type Way = "cached" | "direct";

/** Last times that count: the shortest of them, since what else the machine does makes a way slower, never faster. */
const TIMES = 4;
/** Before a copy into the cache is preferred, the disk has been seen so often: one slow write says little. */
const DIRECT_TIMES_MIN = 3;
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
  readonly #msPerByte: Readonly<Record<Way, number[]>> = { cached: [], direct: [] };
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
    const { cached, direct } = this.#msPerByte;
    if (cached.length === 0) return "cached";
    if (this.#isCacheBetter && direct.length < DIRECT_TIMES_MIN) return "direct";
    const better = this.#isCacheBetter ? "cached" : "direct";
    return this.#isRetry ? other(better) : better;
  }

  get #isCacheBetter(): boolean {
    return this.#shortest("cached") * CACHED_GAIN_MIN < this.#shortest("direct");
  }

  /** How fast a way has been lately; 0 where it was not gone. */
  bytesPerMs(way: Way): number {
    return 1 / this.#shortest(way);
  }

  /** Infinity for a way that was not gone. */
  #shortest(way: Way): number {
    return Math.min(...this.#msPerByte[way]);
  }

  /** Whether it is time for the slower way. */
  get #isRetry(): boolean {
    const [cached, direct] = [this.#shortest("cached"), this.#shortest("direct")];
    if (Math.max(cached, direct) === Number.POSITIVE_INFINITY) return false;
    const slowness = Math.max(cached, direct) / Math.min(cached, direct);
    return this.#count + 1 >= Math.min(RETRY_TIMES * slowness, RETRY_WRITES_MAX);
  }

  took(way: Way, bytes: number, ms: number): void {
    const times = this.#msPerByte[way];
    times.push(ms / bytes);
    if (times.length > TIMES) times.shift();
  }

  /** Not to be gone again. */
  close(way: Way): void {
    this.#closed = way;
  }
}

const other = (way: Way): Way => (way === "cached" ? "direct" : "cached");
