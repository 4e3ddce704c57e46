import { encodeKey } from "../../../../data/pairs/index.ts";
import { TextCells } from "./text-cells.ts";

/** Bytes as a text, one character each, so that a `Map` finds them. */
const asText = (bytes: Uint8Array): string => {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
};

/** What a table holds of one key. */
export interface Cell {
  readonly key: unknown;
  /** The key's bytes, where they are known already. */
  readonly encoded: Uint8Array | undefined;
}

/** Cells by key, in the order in which the keys came first. */
export class KeyedCells<C extends Cell> {
  readonly #texts = new TextCells<C>();
  readonly #numbers = new Map<number, C>();
  readonly #others = new Map<string, C>();
  #spare: Uint8Array | undefined;

  get size(): number {
    return this.#texts.size + this.#numbers.size + this.#others.size;
  }

  /** @throws MusketeersError `UNSERIALIZABLE` for what cannot be a key; texts are looked at later. */
  get(key: unknown): C | undefined {
    if (typeof key === "string") return this.#texts.get(key);
    if (typeof key === "number") return this.#numbers.get(key);
    this.#spare = encodeKey(key);
    return this.#others.get(asText(this.#spare));
  }

  /** Adds what `get` has just not found. */
  add(key: unknown, make: (encoded: Uint8Array | undefined) => C): C {
    const encoded = this.#spare;
    this.#spare = undefined;
    const cell = make(typeof key === "string" || typeof key === "number" ? undefined : encoded);
    if (typeof key === "string") this.#texts.add(key, cell);
    else if (typeof key === "number") this.#numbers.set(key, cell);
    else this.#others.set(asText(encoded!), cell);
    return cell;
  }

  *cells(): Generator<C, void, undefined> {
    yield* this.#texts.values();
    yield* this.#numbers.values();
    yield* this.#others.values();
  }

  clear(): void {
    this.#texts.clear();
    this.#numbers.clear();
    this.#others.clear();
  }
}
