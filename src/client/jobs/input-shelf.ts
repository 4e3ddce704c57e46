const CHUNK_INPUTS = 1024;

interface Chunk<I> {
  readonly inputs: (I | undefined)[];
  readonly there: Uint8Array;
  left: number;
}

/** Keeps inputs by index until their results come: one object for many of them, freed as they leave. */
export class InputShelf<I> {
  readonly #chunks = new Map<number, Chunk<I>>();

  put(index: number, input: I): void {
    const number = Math.floor(index / CHUNK_INPUTS);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      chunk = {
        inputs: new Array<I | undefined>(CHUNK_INPUTS),
        there: new Uint8Array(CHUNK_INPUTS),
        left: 0,
      };
      this.#chunks.set(number, chunk);
    }
    const at = index % CHUNK_INPUTS;
    chunk.inputs[at] = input;
    chunk.there[at] = 1;
    chunk.left++;
  }

  has(index: number): boolean {
    return this.#chunks.get(Math.floor(index / CHUNK_INPUTS))?.there[index % CHUNK_INPUTS] === 1;
  }

  /** Gives an input out, once; `has` says whether it is there. */
  take(index: number): I {
    const number = Math.floor(index / CHUNK_INPUTS);
    const chunk = this.#chunks.get(number)!;
    const at = index % CHUNK_INPUTS;
    const input = chunk.inputs[at] as I;
    chunk.inputs[at] = undefined;
    chunk.there[at] = 0;
    if (--chunk.left === 0) this.#chunks.delete(number);
    return input;
  }
}
