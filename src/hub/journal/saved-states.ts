import type { Position } from "../../engine/index.ts";
import { countOf, type Ranges } from "../../protocol/index.ts";

export interface SavedState {
  /** Where its record stands in the journal. */
  readonly position: Position;
  /** Of that record. */
  readonly bytes: number;
}

/** Where the latest states stand that inputs without a result saved; few at any time. */
export class SavedStates {
  readonly #states = new Map<number, SavedState>();

  get size(): number {
    return this.#states.size;
  }

  get(input: number): SavedState | undefined {
    return this.#states.get(input);
  }

  set(input: number, state: SavedState): void {
    this.#states.set(input, state);
  }

  /** Forgets the states of these inputs; says how many bytes of the journal they had. */
  remove(ranges: Ranges): number {
    let bytes = 0;
    for (const input of this.inputsIn(ranges)) {
      bytes += this.#states.get(input)!.bytes;
      this.#states.delete(input);
    }
    return bytes;
  }

  /** Which inputs of the ranges have a state. */
  inputsIn(ranges: Ranges): number[] {
    if (this.#states.size === 0) return [];
    const found: number[] = [];
    if (countOf(ranges) <= this.#states.size) {
      for (const [start, end] of ranges) {
        for (let input = start; input < end; input++) if (this.#states.has(input)) found.push(input);
      }
      return found;
    }
    for (const input of this.#states.keys()) {
      if (ranges.some(([start, end]) => input >= start && input < end)) found.push(input);
    }
    return found;
  }

  clear(): void {
    this.#states.clear();
  }

  entries(): IterableIterator<[input: number, state: SavedState]> {
    return this.#states.entries();
  }
}
