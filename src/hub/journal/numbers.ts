type Column = Float64Array | Uint32Array;
type ColumnType = typeof Float64Array | typeof Uint32Array;

/** Rows of one piece of a table. A table grows by whole pieces, so that growing never copies much. */
export const PIECE_ROWS = 4096;
const FIRST_ROWS = 4;

/**
 * A growing list of tuples of numbers: an index that costs what it holds. Numbers are of eight bytes, or of
 * four where they are whole and below 2^32.
 */
export class NumberTable {
  readonly width: number;
  readonly #type: ColumnType;
  readonly #pieces: Column[] = [];
  #rows = 0;

  constructor(width: number, type: ColumnType = Float64Array) {
    this.width = width;
    this.#type = type;
  }

  get rows(): number {
    return this.#rows;
  }

  push(...row: number[]): void {
    this.#pieceFor(this.#rows, 1).set(row, (this.#rows % PIECE_ROWS) * this.width);
    this.#rows++;
  }

  at(row: number, column: number): number {
    const piece = this.#pieces[Math.floor(row / PIECE_ROWS)]!;
    return piece[(row % PIECE_ROWS) * this.width + column]!;
  }

  set(row: number, column: number, value: number): void {
    const piece = this.#pieces[Math.floor(row / PIECE_ROWS)]!;
    piece[(row % PIECE_ROWS) * this.width + column] = value;
  }

  /** The last row whose first column is not above `value`, in a table sorted by it; -1 if there is none. */
  lastAtMost(value: number): number {
    let low = 0;
    let high = this.#rows;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle, 0) <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** A copy of the rows `[from, to)`, little endian like every machine that Node runs on; up to `PIECE_ROWS` of them. */
  bytes(from: number, to: number): Uint8Array {
    const copy = new this.#type((to - from) * this.width);
    for (let row = from; row < to; row++) {
      for (let column = 0; column < this.width; column++) {
        copy[(row - from) * this.width + column] = this.at(row, column);
      }
    }
    return new Uint8Array(copy.buffer);
  }

  /** Appends rows as `bytes` gave them. Throws a `RangeError` where these are no whole rows. */
  pushBytes(bytes: Uint8Array): void {
    // A copy, because a view of numbers must be aligned.
    const values = new this.#type(bytes.slice().buffer);
    if (values.length % this.width !== 0) throw new RangeError("rows that are not whole");
    for (let at = 0; at < values.length; ) {
      const inPiece = this.#rows % PIECE_ROWS;
      const rows = Math.min(PIECE_ROWS - inPiece, (values.length - at) / this.width);
      const piece = this.#pieceFor(this.#rows, rows);
      piece.set(values.subarray(at, at + rows * this.width), inPiece * this.width);
      this.#rows += rows;
      at += rows * this.width;
    }
  }

  /** The piece that takes new rows: the first one grows up to its full size, the others begin with it. */
  #pieceFor(row: number, count: number): Column {
    const at = Math.floor(row / PIECE_ROWS);
    const piece = this.#pieces[at];
    const needed = (row % PIECE_ROWS) + count;
    if (piece !== undefined && needed * this.width <= piece.length) return piece;
    const rows = at > 0 ? PIECE_ROWS : Math.min(PIECE_ROWS, Math.max(FIRST_ROWS, 2 * needed));
    const larger = new this.#type(rows * this.width);
    if (piece !== undefined) larger.set(piece);
    this.#pieces[at] = larger;
    return larger;
  }
}
