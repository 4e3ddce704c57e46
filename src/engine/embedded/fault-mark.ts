/** For so long after the last failure a fault is told of what is not tried again by itself. */
const RECENT_MS = 60_000;

/** Since when something keeps failing, and why; for telling an operator. */
export class FaultMark {
  readonly #nowMs: () => number;
  #current: { readonly text: string; readonly sinceMs: number; readonly lastMs: number } | undefined;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  get text(): string | null {
    return this.#current?.text ?? null;
  }

  /** Milliseconds since 1970. */
  get sinceMs(): number | null {
    return this.#current?.sinceMs ?? null;
  }

  /** Whether it failed within the last minute. */
  get isRecent(): boolean {
    return this.#current !== undefined && this.#nowMs() - this.#current.lastMs < RECENT_MS;
  }

  set(text: string): void {
    const lastMs = this.#nowMs();
    this.#current = { text, sinceMs: this.#current?.sinceMs ?? lastMs, lastMs };
  }

  clear(): void {
    this.#current = undefined;
  }
}
