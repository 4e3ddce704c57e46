const NEWLINE = 10;

/** Cuts what a program prints into lines, none longer than a bound. */
export class Lines {
  readonly #bytesMax: number;
  readonly #onLine: (line: Buffer) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** @param onLine also told of an overlong one, cut at the bound; what follows of it is dropped */
  constructor(bytesMax: number, onLine: (line: Buffer) => void) {
    this.#bytesMax = bytesMax;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; ) {
      const end = chunk.indexOf(NEWLINE, from);
      const to = end < 0 ? chunk.length : end;
      this.#keep(chunk.subarray(from, to));
      if (end < 0) return;
      this.end();
      from = end + 1;
    }
  }

  /** The last line may have no end. */
  end(): void {
    const line = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.#onLine(line);
  }

  get pending(): boolean {
    return this.#bytes > 0;
  }

  #keep(part: Buffer): void {
    const room = this.#bytesMax + 1 - this.#bytes;
    if (room <= 0 || part.length === 0) return;
    const kept = part.subarray(0, room);
    this.#parts.push(Buffer.from(kept));
    this.#bytes += kept.length;
  }
}
