import { MusketeersError } from "../errors.ts";
import { type Range, unflattenRanges } from "../ranges.ts";

/** Reads the fields of a header that came from anyone, and complains about the first that is wrong. */
export class Fields {
  readonly #what: string;
  readonly #fields: Record<string, unknown>;

  constructor(what: string, value: unknown) {
    this.#what = what;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.wrong("is no object");
    this.#fields = value as Record<string, unknown>;
  }

  wrong(why: string): MusketeersError {
    return new MusketeersError("PROTOCOL", `Message ${this.#what}: ${why}`);
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined;
  }

  raw(name: string): unknown {
    return this.#fields[name];
  }

  string(name: string, lengthMax = 256): string {
    const value = this.#fields[name];
    if (typeof value !== "string" || value.length > lengthMax) {
      throw this.wrong(`${name} is no text of up to ${lengthMax} characters`);
    }
    return value;
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.#fields[name];
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw this.wrong(`${name} is none of ${values.join(", ")}`);
    return found;
  }

  /** A whole number from 0, or from `min`. */
  integer(name: string, max = Number.MAX_SAFE_INTEGER, min = 0): number {
    const value = this.#fields[name];
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
      throw this.wrong(`${name} is no whole number from ${min} to ${max}`);
    }
    return value;
  }

  /** A finite number from 0. */
  number(name: string): number {
    const value = this.#fields[name];
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
      throw this.wrong(`${name} is no number from 0`);
    }
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#fields[name];
    if (typeof value !== "boolean") throw this.wrong(`${name} is neither true nor false`);
    return value;
  }

  bytes(name: string, lengthMax = 65_536): Uint8Array {
    const value = this.#fields[name];
    if (!(value instanceof Uint8Array) || value.length > lengthMax) {
      throw this.wrong(`${name} is no byte string of up to ${lengthMax}`);
    }
    return value;
  }

  list(name: string, lengthMax: number): readonly unknown[] {
    const value = this.#fields[name];
    if (!Array.isArray(value) || value.length > lengthMax) {
      throw this.wrong(`${name} is no list of up to ${lengthMax}`);
    }
    return value;
  }

  strings(name: string, lengthMax: number, itemLengthMax = 256): readonly string[] {
    const list = this.list(name, lengthMax);
    for (const item of list) {
      if (typeof item !== "string" || item.length > itemLengthMax) throw this.wrong(`${name} holds no text`);
    }
    return list as readonly string[];
  }

  integers(name: string, lengthMax: number): readonly number[] {
    const list = this.list(name, lengthMax);
    for (const item of list) {
      if (typeof item !== "number" || !Number.isSafeInteger(item) || item < 0) {
        throw this.wrong(`${name} holds something that is no whole number from 0`);
      }
    }
    return list as readonly number[];
  }

  ranges(name: string, lengthMax: number): Range[] {
    try {
      return unflattenRanges(this.integers(name, lengthMax * 2));
    } catch (error) {
      if (error instanceof RangeError) throw this.wrong(`${name}: ${error.message}`);
      throw error;
    }
  }

  object(name: string): Fields {
    return new Fields(`${this.#what}.${name}`, this.#fields[name]);
  }
}
