import { MusketeersError } from "../../../../protocol/index.ts";

/**
 * The values of a key for a reduce function: for `for … of` as long as they fit into memory, and for
 * `for await … of` however many they are.
 */
export class Values implements Iterable<unknown>, AsyncIterable<unknown> {
  readonly #first: readonly unknown[];
  readonly #more: (() => AsyncIterable<unknown>) | undefined;
  readonly #key: unknown;
  #begun = false;

  /** @param more what stands behind the first ones, once; undefined where they are all */
  constructor(key: unknown, first: readonly unknown[], more: (() => AsyncIterable<unknown>) | undefined) {
    this.#key = key;
    this.#first = first;
    this.#more = more;
  }

  [Symbol.iterator](): Iterator<unknown> {
    if (this.#more !== undefined) {
      const shown = JSON.stringify(String(this.#key).slice(0, 100));
      throw new MusketeersError("LIMIT_EXCEEDED", `The values of the key ${shown} do not fit into memory`, {
        hint: "Give combine, use a reducer of the package, or read them by `for await` in an async reduce.",
      });
    }
    return this.#first[Symbol.iterator]();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<unknown> {
    yield* this.#first;
    if (this.#more === undefined) return;
    if (this.#begun)
      throw new MusketeersError("BAD_ARGUMENT", "Values that do not fit into memory can be read once");
    this.#begun = true;
    yield* this.#more();
  }
}
