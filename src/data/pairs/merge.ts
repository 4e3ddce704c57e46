import { compareBytes } from "./key.ts";
import type { RunCursor } from "./run.ts";

/**
 * Several runs as one: pairs in the order of their keys, those of one key in the order of the runs. A heap
 * over the runs' first keys.
 */
export class Merge {
  /** Views of the pair at hand; they stay good. */
  key: Uint8Array = new Uint8Array(0);
  value: Uint8Array = new Uint8Array(0);
  readonly #cursors: readonly RunCursor[];
  /** Numbers of cursors, as a heap; the first of it is the one at hand. */
  #heap: number[] = [];
  #begun = false;

  constructor(cursors: readonly RunCursor[]) {
    this.#cursors = cursors;
  }

  /** Steps to the next pair; false at the end. A promise where bytes have to come first. */
  next(): boolean | Promise<boolean> {
    if (!this.#begun) return this.#begin();
    const top = this.#heap[0];
    if (top === undefined) return false;
    const has = this.#cursors[top]!.next();
    return typeof has === "boolean" ? this.#moved(has) : has.then((later) => this.#moved(later));
  }

  async close(): Promise<void> {
    this.#heap = [];
    await Promise.allSettled(this.#cursors.map((cursor) => cursor.close()));
  }

  async #begin(): Promise<boolean> {
    this.#begun = true;
    const found = await Promise.all(this.#cursors.map((cursor) => cursor.next()));
    this.#heap = found
      .flatMap((has, at) => (has ? [at] : []))
      .sort((a, b) => (this.#isBefore(a, b) ? -1 : 1));
    return this.#show();
  }

  #moved(has: boolean): boolean {
    const heap = this.#heap;
    if (!has) {
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    this.#sink();
    return this.#show();
  }

  #show(): boolean {
    const top = this.#heap[0];
    if (top === undefined) return false;
    this.key = this.#cursors[top]!.key;
    this.value = this.#cursors[top]!.value;
    return true;
  }

  #sink(): void {
    const heap = this.#heap;
    const top = heap[0]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBefore(heap[child]!, top)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    if (heap.length > 0) heap[at] = top;
  }

  #isBefore(a: number, b: number): boolean {
    const order = compareBytes(this.#cursors[a]!.key, this.#cursors[b]!.key);
    return order < 0 || (order === 0 && a < b);
  }
}
