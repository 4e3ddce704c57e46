import { pushRange, type Range } from "../../protocol/index.ts";
import type { InputClass, Retry } from "../types.ts";

/** Gathers inputs by the class that they go back with. */
export class Retries {
  /** Mostly there are none. */
  #groups: Map<string, Retry & { readonly ranges: Range[] }> | undefined;

  add({ failures, strikes }: InputClass, input: number): void {
    const key = `${failures}.${strikes}`;
    this.#groups ??= new Map();
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { failures, strikes, ranges: [] };
      this.#groups.set(key, group);
    }
    pushRange(group.ranges, input, input + 1);
  }

  list(): Retry[] {
    return this.#groups === undefined ? [] : [...this.#groups.values()];
  }
}
