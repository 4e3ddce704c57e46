import type { FileHandle } from "node:fs/promises";
import { bytesBehind } from "../../data/index.ts";

/** Each write is a trip to a thread and back, which takes about as long as writing 256 KiB. */
const WRITE_BYTES = 2_097_152;
/** What came so long ago is written: on a slow way a cut is to cost little. */
const GATHER_MS = 100;

export interface PartWriterOptions {
  /** Where the first byte is to stand. */
  readonly at: number;
  /** Told of each part that is written. */
  readonly onWritten: (part: Uint8Array) => void;
  /** Milliseconds from any beginning. */
  readonly nowMs?: () => number;
}

/** Writes to a file what comes one part behind the other, several with one write, and the next come meanwhile. */
export class PartWriter {
  readonly #file: Pick<FileHandle, "writev">;
  readonly #options: PartWriterOptions;
  readonly #nowMs: () => number;
  #at: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #heldSinceMs = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: Pick<FileHandle, "writev">, options: PartWriterOptions) {
    this.#file = file;
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#at = options.at;
  }

  /**
   * Takes the next part, which must stay as it is until it is written.
   * @throws what an earlier write failed with
   */
  async write(part: Uint8Array): Promise<void> {
    if (this.#held.length === 0) this.#heldSinceMs = this.#nowMs();
    this.#held.push(part);
    this.#heldBytes += part.length;
    if (this.#heldBytes >= WRITE_BYTES || this.#nowMs() - this.#heldSinceMs >= GATHER_MS) await this.#flush();
  }

  /** Resolves when all is written. @throws what a write failed with */
  async end(): Promise<void> {
    if (this.#held.length > 0) await this.#flush();
    await this.#writing;
  }

  async #flush(): Promise<void> {
    await this.#writing;
    const parts = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.#writing = this.#writeAll(parts);
    // Whoever gives the next part hears of it.
    this.#writing.catch(() => {});
  }

  async #writeAll(parts: readonly Uint8Array[]): Promise<void> {
    for (let rest = parts; rest.length > 0; ) {
      const { bytesWritten } = await this.#file.writev(rest as Uint8Array[], this.#at);
      this.#at += bytesWritten;
      rest = bytesBehind(rest, bytesWritten);
    }
    for (const part of parts) this.#options.onWritten(part);
  }
}
