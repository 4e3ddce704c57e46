import { Arena, hashBytes, orderOf, pushKey } from "../../../../data/pairs/index.ts";
import {
  defaultLimits,
  encodeValue,
  MusketeersError,
  toMusketeersError,
} from "../../../../protocol/index.ts";
import type { Combiner, Emit, Fold, Reducer } from "./definition.ts";
import { type Cell, KeyedCells } from "./keyed.ts";
import type { PartitionFiles } from "./partition-files.ts";
import { pushRecord, pushValue } from "./small-value.ts";

/** What a cell costs beside its key, about. These were measured, with what tables and lists grow by. */
const CELL_BYTES = 128;
/** So much more a key costs that is neither text nor number. */
const KEY_BYTES = 260;
/** What one more value in a list costs, about. */
const VALUE_BYTES = 32;
/** So much more a list costs than its values. */
const LIST_BYTES = 190;
/** Behind which stands the value before in an arena. */
const BEFORE_BYTES = 4;
/** An arena that is full takes as much again, and is copied for it. */
const ARENA_GROWTH = 2;
/** As long as these a text may be a view of a far longer one, which it would keep. */
const VIEW_CHARS_MIN = 13;
/** As the other limits of a stage it is the same on every worker: equal segments give equal files. */
const { combineValuesMax } = defaultLimits;

interface TableCell extends Cell {
  /** The accumulator where there is one; the values so far; or where the last of them stands among the records. */
  held: unknown;
  /** What large values of it take, about. */
  bytes: number;
}

/** Encoded values of many cells one behind the other, each with where the one before it of its cell stands. */
class Records {
  readonly #arena = new Arena(65_536);
  /** For the values of a cell, from the last on. */
  readonly #starts: number[] = [];

  /** @returns where it stands, counted from 1; 0 is none */
  push(record: Uint8Array, before: number): number {
    const arena = this.#arena;
    const at = arena.length + 1;
    arena.reserve(BEFORE_BYTES);
    for (let shift = 0; shift < 32; shift += 8) arena.bytes[arena.length++] = (before >>> shift) & 0xff;
    pushRecord(arena, record);
    return at;
  }

  /** The values of a cell, each behind its length, in their order. */
  *of(last: number): Generator<Uint8Array, void, undefined> {
    const { bytes } = this.#arena;
    const starts = this.#starts;
    starts.length = 0;
    for (let at = last; at > 0; ) {
      starts.push(at - 1);
      at = (bytes[at - 1]! | (bytes[at]! << 8) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 24)) >>> 0;
    }
    for (let nth = starts.length - 1; nth >= 0; nth--) {
      const start = starts[nth]! + BEFORE_BYTES;
      let end = start;
      let length = 0;
      for (let factor = 1; ; factor *= 128) {
        const byte = bytes[end++]!;
        length += (byte & 0x7f) * factor;
        if (byte < 0x80) break;
      }
      yield bytes.subarray(start, end + length);
    }
  }
}

/** A text that keeps nothing but itself. */
const ownText = (text: string): string => (text.length < VIEW_CHARS_MIN ? text : ` ${text}`.slice(1));

/** Appends the value of a cell behind its key: once, or for each of its values. */
type Write = (arena: Arena, key: Uint8Array, cell: TableCell) => void;

/**
 * What a map has emitted and not sent yet, by key; combined as it comes where something combines it. What it
 * holds follows from what was emitted alone, so that equal inputs give equal runs.
 */
export class CombineTable {
  /** For the user's function. */
  readonly emit: Emit;
  /** About what it takes of memory. */
  bytes = 0;
  readonly #cells = new KeyedCells<TableCell>();
  #records = new Records();
  readonly #write: Write;
  readonly #bytesMax: number;
  readonly #onFull: () => void;

  /** @param onFull called within `emit` when there is more than `bytesMax` */
  constructor({ fold, combine }: Combiner, bytesMax: number, onFull: () => void) {
    this.#bytesMax = bytesMax;
    this.#onFull = onFull;
    if (fold !== undefined) {
      this.emit = this.#folding(fold);
      this.#write = (arena, key, { held }) => pushOne(arena, key, held);
    } else if (combine !== undefined) {
      this.emit = this.#combining(combine);
      this.#write = (arena, key, cell) => {
        const values = cell.held as unknown[];
        pushOne(arena, key, values.length === 1 ? values[0] : combined(combine, cell.key, values));
      };
    } else {
      this.emit = this.#keeping();
      this.#write = (arena, key, { held }) => {
        for (const record of this.#records.of(held as number)) {
          pushRecord(arena, key);
          arena.push(record);
        }
      };
    }
  }

  /**
   * Sends everything off, as one run for each partition, and begins anew.
   * @throws MusketeersError `UNSERIALIZABLE` naming the key
   */
  flush(files: PartitionFiles): void {
    const count = this.#cells.size;
    if (count === 0) return;
    const cells = [...this.#cells.cells()];
    const starts = new Uint32Array(count);
    const ends = new Uint32Array(count);
    const keys = new Arena(count * 16);
    for (const [at, { key, encoded }] of cells.entries()) {
      starts[at] = keys.length;
      if (encoded === undefined) pushKey(keys, key);
      else keys.push(encoded);
      ends[at] = keys.length;
    }
    for (const at of orderOf({ bytes: keys.bytes, starts, ends, count })) {
      const [start, end] = [starts[at]!, ends[at]!];
      const partition = hashBytes(keys.bytes, start, end) % files.partitions;
      const cell = cells[at]!;
      try {
        this.#write(files.arena(partition), keys.bytes.subarray(start, end), cell);
      } catch (error) {
        throw unfitValue(error, cell.key);
      }
    }
    files.endRuns();
    this.#cells.clear();
    this.#records = new Records();
    this.bytes = 0;
  }

  #add(given: unknown, held: unknown): TableCell {
    const key = typeof given === "string" ? ownText(given) : given;
    const cell = this.#cells.add(key, (encoded) => ({ key, encoded, held, bytes: 0 }));
    const { encoded } = cell;
    const keyBytes =
      typeof key === "string" ? 2 * key.length : encoded === undefined ? 0 : KEY_BYTES + 3 * encoded.length;
    this.bytes += CELL_BYTES + keyBytes;
    return cell;
  }

  /** The last that an `emit` does: what is sent off is whole then. */
  #settle(): void {
    if (this.bytes > this.#bytesMax) this.#onFull();
  }

  /** Objects may grow as they are merged. */
  #weigh(cell: TableCell): void {
    const bytes = weightOf(cell.held, cell.key);
    this.bytes += bytes - cell.bytes;
    cell.bytes = bytes;
  }

  #folding({ id, lift, merge }: Fold): Emit {
    const cells = this.#cells;
    const isSum = id === "sum";
    return (key, value) => {
      const cell = cells.get(key);
      if (cell === undefined) {
        this.#weigh(this.#add(key, lift(value)));
      } else if (isSum && typeof value === "number" && typeof cell.held === "number") {
        cell.held += value;
        return;
      } else {
        cell.held = merge(cell.held, lift(value));
        this.#weigh(cell);
      }
      this.#settle();
    };
  }

  #combining(combine: Reducer): Emit {
    const cells = this.#cells;
    return (key, value) => {
      let cell = cells.get(key);
      if (cell === undefined) {
        cell = this.#add(key, []);
        this.bytes += LIST_BYTES;
      }
      const values = cell.held as unknown[];
      values.push(value);
      if (values.length >= combineValuesMax) {
        cell.held = [combined(combine, key, values)];
        this.#weigh(cell);
      } else {
        const bytes = VALUE_BYTES + weightOf(value, key);
        this.bytes += bytes;
        cell.bytes += bytes;
      }
      this.#settle();
    };
  }

  #keeping(): Emit {
    const cells = this.#cells;
    return (key, value) => {
      const record = encoded(value, key);
      const cell = cells.get(key) ?? this.#add(key, 0);
      cell.held = this.#records.push(record, cell.held as number);
      this.bytes += ARENA_GROWTH * (record.length + BEFORE_BYTES + 1);
      this.#settle();
    };
  }
}

/** What a value takes beside its place, about: of an object twice what it would take encoded. */
const weightOf = (value: unknown, key: unknown): number =>
  typeof value === "string"
    ? 2 * value.length
    : typeof value === "object" && value !== null
      ? 2 * encoded(value, key).length
      : 0;

function pushOne(arena: Arena, key: Uint8Array, value: unknown): void {
  pushRecord(arena, key);
  pushValue(arena, value);
}

function encoded(value: unknown, key: unknown): Uint8Array {
  try {
    return encodeValue(value);
  } catch (error) {
    throw unfitValue(error, key);
  }
}

function combined(combine: Reducer, key: unknown, values: readonly unknown[]): unknown {
  return combine(key as never, values, () => {
    throw new MusketeersError("BAD_ARGUMENT", "combine emits nothing; it gives back one value", {
      hint: "Give back the value that stands for all of them.",
    });
  });
}

function unfitValue(error: unknown, key: unknown): MusketeersError {
  const { code, message } = toMusketeersError(error);
  if (code !== "UNSERIALIZABLE") throw error;
  const shown = typeof key === "string" ? JSON.stringify(key.slice(0, 100)) : String(key).slice(0, 100);
  return new MusketeersError("UNSERIALIZABLE", `What was emitted for the key ${shown}: ${message}`, {
    cause: error,
  });
}
