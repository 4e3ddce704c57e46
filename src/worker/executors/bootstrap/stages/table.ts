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

/** What a cell costs beside its key, about. */
const CELL_BYTES = 120;
const VALUE_BYTES = 16;
/** What an encoded value costs beside its bytes, about. */
const RECORD_BYTES = 96;
/** As the other limits of a stage it is the same on every worker: equal segments give equal files. */
const { combineValuesMax } = defaultLimits;

interface TableCell extends Cell {
  /** The accumulator where there is one, else the values so far. */
  held: unknown;
  /** What large values of it take, about. */
  bytes: number;
}

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
        for (const record of held as Uint8Array[]) {
          pushRecord(arena, key);
          pushRecord(arena, record);
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
    this.bytes = 0;
  }

  #add(key: unknown, held: unknown): TableCell {
    const cell = this.#cells.add(key, (encoded) => ({ key, encoded, held, bytes: 0 }));
    this.bytes += CELL_BYTES + (typeof key === "string" ? 2 * key.length : (cell.encoded?.length ?? 8) * 3);
    return cell;
  }

  /** The last that an `emit` does: what is sent off is whole then. */
  #settle(): void {
    if (this.bytes > this.#bytesMax) this.#onFull();
  }

  /** Objects may grow as they are merged; what they take is what they would take encoded. */
  #weigh(cell: TableCell): void {
    const { held } = cell;
    if (typeof held !== "object" && typeof held !== "string") return;
    const bytes = 2 * encoded(held, cell.key).length;
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
      const cell = cells.get(key) ?? this.#add(key, []);
      const values = cell.held as unknown[];
      values.push(value);
      if (values.length >= combineValuesMax) {
        cell.held = [combined(combine, key, values)];
        this.#weigh(cell);
      } else this.bytes += VALUE_BYTES;
      this.#settle();
    };
  }

  #keeping(): Emit {
    const cells = this.#cells;
    return (key, value) => {
      const record = encoded(value, key);
      const cell = cells.get(key) ?? this.#add(key, []);
      (cell.held as Uint8Array[]).push(record);
      this.bytes += record.length + RECORD_BYTES;
      this.#settle();
    };
  }
}

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
