import { MusketeersError } from "../../protocol/index.ts";
import type { BlockSink, NamedChunk } from "../block-store.ts";
import { cidOf } from "../cid.ts";
import { type Entry, encodeFileNode } from "./node.ts";

/** What `ipfs add` cuts files into. */
export const CHUNK_BYTES = 262_144;
/** Most links of a file's node, as of `ipfs add`. */
const LINKS_MAX = 174;
/** Larger blocks are not passed on by IPFS. */
const CHUNK_BYTES_MAX = 1_048_576;

const nothing = new Uint8Array(0);

export interface ChunkOptions {
  /** Length of a chunk; 262,144 where nothing is said. Other lengths give other CIDs. */
  readonly chunkBytes?: number;
}

/** @throws MusketeersError `BAD_ARGUMENT` */
export function chunkBytesOf({ chunkBytes = CHUNK_BYTES }: ChunkOptions): number {
  if (Number.isSafeInteger(chunkBytes) && chunkBytes >= 1 && chunkBytes <= CHUNK_BYTES_MAX) return chunkBytes;
  throw new MusketeersError("BAD_ARGUMENT", `A chunk cannot have ${chunkBytes} bytes`, {
    hint: `Give a whole number from 1 to ${CHUNK_BYTES_MAX}.`,
  });
}

/**
 * Makes the blocks of a file while its bytes come: chunks of equal length, and above them a balanced tree of
 * nodes with up to 174 links each. Holds one chunk and a path of that tree, however long the file is. The
 * CID is that of `ipfs add --cid-version=1` with the same chunk length.
 */
export class FileBuilder {
  readonly #sink: BlockSink;
  readonly #chunkBytes: number;
  /** Chunks that are not linked yet, then nodes above them, and so on. */
  readonly #levels: Entry[][] = [];
  /** Where a chunk is put together: of its length at most, and of little more than it has so far. */
  #chunk = nothing;
  #filled = 0;

  /** @throws MusketeersError `BAD_ARGUMENT` */
  constructor(sink: BlockSink, options: ChunkOptions = {}) {
    this.#sink = sink;
    this.#chunkBytes = chunkBytesOf(options);
  }

  /** Takes the next bytes, which may be used again once this has settled, unless they are `owned`. */
  async write(bytes: Uint8Array, options: { readonly owned?: boolean } = {}): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === 0 && bytes.length - at >= this.#chunkBytes) {
        const whole = bytes.subarray(at, at + this.#chunkBytes);
        at += this.#chunkBytes;
        await this.#addChunk(options.owned === true ? whole : whole.slice());
        continue;
      }
      const part = bytes.subarray(at, at + this.#chunkBytes - this.#filled);
      this.#room(part.length).set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#chunkBytes) await this.#endChunk();
    }
  }

  /** Takes the next chunk, which has a name already: of whole length, unless it is the last. */
  async add({ cid, bytes }: NamedChunk): Promise<void> {
    if (this.#filled > 0) throw new Error("a chunk cannot follow a part of one");
    const length = typeof bytes === "number" ? bytes : bytes.length;
    const waiting = typeof bytes === "number" ? undefined : this.#sink.put(cid, bytes);
    if (waiting !== undefined) await waiting;
    await this.#add(0, { cid, bytes: length, treeBytes: length });
  }

  /** The file. */
  async end(): Promise<Entry> {
    if (this.#filled > 0 || this.#levels.length === 0) await this.#endChunk();
    for (let level = 0; ; level++) {
      const entries = this.#levels[level]!;
      const [only] = entries;
      if (level === this.#levels.length - 1 && entries.length === 1) return only!;
      await this.#lift(level);
    }
  }

  /** The chunk at hand, with room for so many bytes more. Many files are small, and whole chunks are not free. */
  #room(bytes: number): Uint8Array {
    const needed = this.#filled + bytes;
    if (needed <= this.#chunk.length) return this.#chunk;
    const length = this.#filled === 0 ? needed : Math.max(needed, 2 * this.#chunk.length);
    const chunk = new Uint8Array(Math.min(length, this.#chunkBytes));
    chunk.set(this.#chunk.subarray(0, this.#filled));
    this.#chunk = chunk;
    return chunk;
  }

  async #endChunk(): Promise<void> {
    const isFull = this.#filled === this.#chunk.length;
    const chunk = isFull ? this.#chunk : this.#chunk.slice(0, this.#filled);
    this.#chunk = nothing;
    this.#filled = 0;
    await this.#addChunk(chunk);
  }

  async #addChunk(chunk: Uint8Array): Promise<void> {
    await this.add({ cid: cidOf(chunk), bytes: chunk });
  }

  async #add(level: number, entry: Entry): Promise<void> {
    const entries = this.#levels[level];
    if (entries === undefined) {
      this.#levels[level] = [entry];
      return;
    }
    // A full node is only made when one more comes: the last of a level may be the root.
    if (entries.length === LINKS_MAX) await this.#lift(level);
    this.#levels[level]!.push(entry);
  }

  /** Puts a node above a level's entries, into the level above. */
  async #lift(level: number): Promise<void> {
    const entries = this.#levels[level]!;
    const { cid, block, treeBytes } = encodeFileNode(entries);
    this.#levels[level] = [];
    await this.#sink.put(cid, block);
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    await this.#add(level + 1, { cid, bytes, treeBytes });
  }
}

/** Makes the blocks of a file out of what a source gives. */
export async function buildFile(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  sink: BlockSink,
  options: ChunkOptions = {},
): Promise<Entry> {
  const builder = new FileBuilder(sink, options);
  for await (const part of source) await builder.write(part);
  return builder.end();
}
