/** A growing list of tuples of numbers, eight bytes a number: an index that costs what it holds. */
export class NumberTable {
  readonly width: number;
  #values: Float64Array;
  #rows = 0;

  constructor(width: number) {
    this.width = width;
    this.#values = new Float64Array(width * 4);
  }

  get rows(): number {
    return this.#rows;
  }

  push(...row: number[]): void {
    const offset = this.#rows * this.width;
    if (offset + this.width > this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values.set(row, offset);
    this.#rows++;
  }

  at(row: number, column: number): number {
    return this.#values[row * this.width + column]!;
  }

  set(row: number, column: number, value: number): void {
    this.#values[row * this.width + column] = value;
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
}
