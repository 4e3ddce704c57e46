import type { TabCredit } from "./state.ts";

/** Asked for so often at most, and once more when the last results may have been accepted. */
const INTERVAL_MS = 5_000;

export interface TabCreditOptions {
  readonly url: string;
  readonly token: () => string;
  readonly onChange: () => void;
}

/** What the hub says that was accepted of this volunteer. */
export class TabCreditBook {
  readonly #options: TabCreditOptions;
  #known: TabCredit | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: TabCreditOptions) {
    this.#options = options;
  }

  get known(): TabCredit | undefined {
    return this.#known;
  }

  /** Something was done, or the connection is there again. */
  look(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // What cannot be asked now is asked after the next results.
      this.#ask().catch(() => {});
    }, INTERVAL_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const token = this.#options.token();
    if (token === "") return;
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${this.#options.url}/credit`, { headers });
    if (!response.ok) return;
    const { inputs, seconds } = (await response.json()) as Partial<TabCredit>;
    if (typeof inputs !== "number" || typeof seconds !== "number") return;
    this.#known = { inputs, seconds };
    this.#options.onChange();
  }
}
