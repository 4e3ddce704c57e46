/** A meter of a rate: a bucket that holds so many tokens and fills steadily (as in RFC 2697, with debts). */
export class TokenBucket {
  readonly #perMs: number;
  readonly #size: number;
  #tokens: number;
  #atMs: number;

  /**
   * @param perSecond tokens that come in a second
   * @param size how many it holds, and has at first
   */
  constructor(perSecond: number, size: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#size = size;
    this.#tokens = size;
    this.#atMs = nowMs;
  }

  /** Takes tokens, also those that are not there; says whether they were. */
  take(count: number, nowMs: number): boolean {
    this.#fill(nowMs);
    this.#tokens -= count;
    return this.#tokens >= 0;
  }

  /** Takes tokens only if they are there. */
  takeIf(count: number, nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** How long until there are so many. */
  msUntil(count: number, nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, (count - this.#tokens) / this.#perMs);
  }

  #fill(nowMs: number): void {
    this.#tokens = Math.min(this.#size, this.#tokens + Math.max(0, nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }
}
