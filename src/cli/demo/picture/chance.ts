/**
 * Chances that are the same wherever they are drawn: a counter, mixed by integer arithmetic only ("lowbias32" of
 * C. Wellons' search for good mixers). Equal seeds give equal pictures on every JavaScript engine.
 */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 4_294_967_296;
  }
}
