/** What can be stopped where it stands, and go on later. */
export interface Freezable {
  freeze(): void;
  thaw(): void;
}

const PERIOD_MS = 200;

/**
 * Lets something run for a part of the time only: a fifth of a second is one turn. A share of a processor without any
 * rights or system of groups, in the manner of `cpulimit`.
 */
export class Throttle {
  readonly #target: Freezable;
  readonly #share: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frozen = false;

  /** @param share from above 0 to 1, which is no throttle at all */
  constructor(target: Freezable, share: number) {
    this.#target = target;
    this.#share = share;
  }

  start(): void {
    if (this.#share >= 1 || this.#timer !== undefined) return;
    this.#turn();
  }

  /** Leaves it running. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#frozen) this.#target.thaw();
    this.#frozen = false;
  }

  #turn(): void {
    this.#frozen = !this.#frozen;
    if (this.#frozen) this.#target.freeze();
    else this.#target.thaw();
    const share = this.#frozen ? 1 - this.#share : this.#share;
    this.#timer = setTimeout(() => this.#turn(), share * PERIOD_MS);
    this.#timer.unref();
  }
}
