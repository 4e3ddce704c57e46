import type { FollowMessage, LivePart } from "../../protocol/index.ts";

/** All that there is to see of a topic at a moment. */
export interface Sample {
  readonly values: Readonly<Record<string, unknown>>;
  readonly tables: Readonly<Record<string, ReadonlyMap<string, unknown>>>;
}

/** One client's topic: knows what it was told, and says what is new. */
export class Subscription {
  readonly message: FollowMessage;
  /** Nothing was sent yet. */
  first = true;
  readonly #values = new Map<string, string>();
  readonly #tables = new Map<string, Map<string, string>>();

  constructor(message: FollowMessage) {
    this.message = message;
  }

  /** What of a sample was not told; undefined where it is nothing. */
  changes({ values, tables }: Sample): LivePart | undefined {
    const set: Record<string, unknown> = {};
    const put: Record<string, [string, unknown][]> = {};
    const drop: Record<string, string[]> = {};
    for (const [name, value] of Object.entries(values)) {
      const text = JSON.stringify(value);
      if (this.#values.get(name) === text) continue;
      this.#values.set(name, text);
      set[name] = value;
    }
    for (const [name, rows] of Object.entries(tables)) {
      let told = this.#tables.get(name);
      if (told === undefined) {
        told = new Map();
        this.#tables.set(name, told);
        put[name] = [];
      }
      for (const [key, row] of rows) {
        const text = JSON.stringify(row);
        if (told.get(key) === text) continue;
        told.set(key, text);
        put[name] ??= [];
        put[name].push([key, row]);
      }
      for (const key of told.keys()) {
        if (rows.has(key)) continue;
        told.delete(key);
        drop[name] ??= [];
        drop[name].push(key);
      }
    }
    const isNew = [set, put, drop].some((part) => Object.keys(part).length > 0);
    return isNew ? { set, put, drop } : undefined;
  }
}
