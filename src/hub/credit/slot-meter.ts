/**
 * What a worker may claim as time on its slots, by what the hub itself saw: of one lease no more than has passed
 * since it was given (or since the last claim of it), of all together no more than its slots times the time in
 * which it held any. Times in milliseconds of a clock that never goes back.
 */
export class SlotMeter {
  readonly #slots: number;
  /** When each lease was given, or claimed for last. */
  readonly #leases = new Map<string, number>();
  #atMs: number;
  /** Slot time that has passed and nothing was claimed of. */
  #openMs = 0;

  constructor(slots: number, nowMs: number) {
    this.#slots = Math.max(1, slots);
    this.#atMs = nowMs;
  }

  /** @param sinceMs where it was given on a connection of before that broke, when that was */
  opened(lease: string, nowMs: number, sinceMs = nowMs): void {
    this.#pass(nowMs);
    if (this.#leases.size < this.#slots) this.#openMs += Math.max(0, nowMs - sinceMs);
    this.#leases.set(lease, sinceMs);
  }

  /** What is open, with the time since when nothing was claimed of it. */
  get open(): ReadonlyMap<string, number> {
    return this.#leases;
  }

  closed(lease: string, nowMs: number): void {
    this.#pass(nowMs);
    this.#leases.delete(lease);
  }

  /** A claim for results of a lease, also of one that is closed; says how much of it can be true. */
  claimed(lease: string, elapsedMs: number, nowMs: number): number {
    this.#pass(nowMs);
    const sinceMs = this.#leases.get(lease);
    if (sinceMs !== undefined) this.#leases.set(lease, nowMs);
    const seenMs = sinceMs === undefined ? this.#openMs : Math.min(this.#openMs, nowMs - sinceMs);
    const claimMs = Number.isFinite(elapsedMs) ? Math.max(0, Math.min(elapsedMs, seenMs)) : 0;
    this.#openMs -= claimMs;
    return claimMs;
  }

  #pass(nowMs: number): void {
    this.#openMs += Math.min(this.#leases.size, this.#slots) * Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
  }
}
