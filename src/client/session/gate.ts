/** Where one loop waits until somebody lets it on. */
export class Gate {
  #open: (() => void) | undefined;

  get waiting(): boolean {
    return this.#open !== undefined;
  }

  /** Resolves at the next `open`. For one waiter at a time. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    const open = this.#open;
    this.#open = undefined;
    open?.();
  }
}
