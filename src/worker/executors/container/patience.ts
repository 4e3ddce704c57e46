import { letGo } from "../../let-go.ts";

/** Says when something takes too long; the time does not run while it is held. */
export class Patience {
  readonly #onOver: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #leftMs: number | undefined;
  #sinceMs = 0;
  #held = 0;

  constructor(onOver: () => void) {
    this.#onOver = onOver;
  }

  /** Begins anew. */
  start(ms: number): void {
    this.stop();
    this.#leftMs = ms;
    this.#run();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs = undefined;
  }

  hold(): void {
    if (this.#held++ > 0 || this.#leftMs === undefined) return;
    this.#leftMs = Math.max(1, this.#leftMs - (performance.now() - this.#sinceMs));
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  release(): void {
    if (this.#held === 0) return;
    this.#held--;
    this.#run();
  }

  #run(): void {
    if (this.#held > 0 || this.#leftMs === undefined) return;
    this.#sinceMs = performance.now();
    // Node fires longer timers at once; a task may have a month.
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#leftMs = undefined;
        this.#onOver();
      },
      Math.min(this.#leftMs, 2 ** 31 - 1),
    );
    letGo(this.#timer);
  }
}
