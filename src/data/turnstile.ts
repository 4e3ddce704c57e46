/** Lets so many through at once; the others wait for their turn, in the order in which they came. */
export class Turnstile {
  readonly #atOnceMax: number;
  readonly #waiting = new Set<() => void>();
  #inside = 0;

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  /**
   * Runs an action when it is its turn.
   * @throws what the action throws, or the signal's reason when it was aborted before its turn.
   */
  async pass<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await action();
    } finally {
      this.#leave();
    }
  }

  #enter(signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (this.#inside < this.#atOnceMax) {
      this.#inside++;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#waiting.delete(enter);
        reject(signal?.reason);
      };
      const enter = () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      };
      this.#waiting.add(enter);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /** Hands the place to who waits, so that nobody who comes meanwhile is faster. */
  #leave(): void {
    for (const enter of this.#waiting) {
      this.#waiting.delete(enter);
      enter();
      return;
    }
    this.#inside--;
  }
}
