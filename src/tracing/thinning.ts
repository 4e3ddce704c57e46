/**
 * Which of a row whose length nobody knows are looked at: the first `perStep`, of the next ones every second until
 * as many were taken again, then every fourth, and so on. Of n that is about `perStep` times the binary logarithm of
 * n / `perStep`, spread over all of it.
 */
export class Thinning {
  readonly #perStep: number;
  #step = 1;
  #skip = 0;
  #taken = 0;

  constructor(perStep: number) {
    this.#perStep = perStep;
  }

  /** Whether the next one is. */
  next(): boolean {
    if (this.#skip > 0) {
      this.#skip--;
      return false;
    }
    if (this.#taken === this.#perStep) {
      this.#taken = 0;
      this.#step *= 2;
    }
    this.#taken++;
    this.#skip = this.#step - 1;
    return true;
  }
}
