/**
 * Inputs whose iterator is asked for as soon as they are handed over. A readline interface gives only lines that it
 * reads after that, and never says that it has ended where it ended before.
 */
export class OpenedInputs<I> implements AsyncIterable<I> {
  readonly #iterator: AsyncIterator<I>;
  #begun = false;

  private constructor(inputs: AsyncIterable<I>) {
    this.#iterator = inputs[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): AsyncIterator<I> {
    this.#begun = true;
    return this.#iterator;
  }

  /** Opens inputs that come piece by piece, has them used, and lets go of them where nobody began to read. */
  static async use<T, R>(inputs: T, use: (opened: T) => Promise<R>): Promise<R> {
    if (!isAsyncIterable(inputs)) return use(inputs);
    const opened = new OpenedInputs(inputs);
    try {
      return await use(opened as AsyncIterable<unknown> as T);
    } finally {
      if (!opened.#begun) await opened.#iterator.return?.();
    }
  }
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;
