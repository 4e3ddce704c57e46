import {
  type BlockSink,
  type BlockUpload,
  type ChunkOptions,
  ChunkPool,
  chunkBytesOf,
  type Entry,
  FileBuilder,
  type NamedChunk,
  TreeBuilder,
} from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { type Content, type ContentMaker, partsOf, type SourceFile } from "./put-source.ts";

/** A file that was made into blocks. */
export interface PutFile {
  readonly path: string;
  readonly cid: string;
  readonly bytes: number;
}

/** How far a put is. */
export interface PutProgress {
  readonly files: number;
  /** Bytes of content that were read. */
  readonly bytes: number;
  /** Of all content, as far as it is known. */
  readonly bytesTotal: number;
  /** Bytes of content that are surely at the hub; reading is ahead of that by what is under way. */
  readonly storedBytes: number;
  /** Bytes that had to be sent; the hub had the others. */
  readonly sentBytes: number;
  /** The file of the moment. */
  readonly path: string;
}

export interface BuildOptions extends ChunkOptions {
  /** Nobody wants the blocks. */
  readonly namesOnly?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { files: number; bytes: number; path: string }) => void;
  readonly onFile?: (file: PutFile) => void;
}

/** Gives how many bytes it has. */
async function addPart(builder: FileBuilder, part: Uint8Array | NamedChunk, owned: boolean): Promise<number> {
  if (part instanceof Uint8Array) {
    await builder.write(part, { owned });
    return part.length;
  }
  await builder.add(part);
  return typeof part.bytes === "number" ? part.bytes : part.bytes.length;
}

/** Makes blocks of contents and keeps count. */
export class Builder {
  readonly #sink: BlockSink;
  readonly #options: BuildOptions;
  readonly #pool: ChunkPool;
  #files = 0;
  #bytes = 0;

  /** @param pool for what is read; whoever gets blocks gives them back */
  constructor(sink: BlockSink, options: BuildOptions, pool: ChunkPool) {
    this.#sink = sink;
    this.#options = options;
    this.#pool = pool;
  }

  /**
   * @param given what the caller may go on to use, or something that makes content for this only
   * @throws MusketeersError `FILE_CHANGED`, and what reading throws
   */
  async file(given: Content | ContentMaker, path: string): Promise<Entry> {
    const { signal, onProgress, onFile, namesOnly = false } = this.#options;
    const builder = new FileBuilder(this.#sink, this.#options);
    let changed = false;
    const onChanged = () => {
      changed = true;
    };
    const reading = { chunkBytes: chunkBytesOf(this.#options), pool: this.#pool, namesOnly, onChanged };
    const owned = typeof given === "function";
    for await (const part of partsOf(owned ? given(reading) : given)) {
      signal?.throwIfAborted();
      this.#bytes += await addPart(builder, part, owned);
      onProgress?.({ files: this.#files, bytes: this.#bytes, path });
    }
    const file = await builder.end();
    if (changed && owned) await this.#confirm(file, given, path);
    this.#files++;
    onProgress?.({ files: this.#files, bytes: this.#bytes, path });
    onFile?.({ path, cid: file.cid, bytes: file.bytes });
    return file;
  }

  /**
   * Reads again what changed while it was read. What is read twice alike was like that at one moment between the
   * two, be it that only its end grew (Afek et al., "Atomic Snapshots of Shared Memory", 1993); else it may be a
   * mixture that never was.
   */
  async #confirm({ cid, bytes }: Entry, given: ContentMaker, path: string): Promise<void> {
    const pool = this.#pool;
    const sink: BlockSink = { put: (_cid, block) => void pool.give(block) };
    const builder = new FileBuilder(sink, this.#options);
    const reading = { chunkBytes: chunkBytesOf(this.#options), pool, namesOnly: true, bytesMax: bytes };
    for await (const part of partsOf(given(reading))) {
      this.#options.signal?.throwIfAborted();
      await addPart(builder, part, true);
    }
    if ((await builder.end()).cid === cid) return;
    throw new MusketeersError("FILE_CHANGED", `${path} was written to while it was read`);
  }

  async folder(files: AsyncIterable<SourceFile>): Promise<{ root: Entry; files: number }> {
    const tree = new TreeBuilder(this.#sink);
    for await (const { path, content } of files) {
      this.#options.signal?.throwIfAborted();
      if (content === undefined) tree.addFolder(path);
      else tree.add(path, await this.file(content, path));
    }
    return { root: await tree.end(), files: tree.files };
  }
}

/** Shorter reads are slow. */
const READ_BYTES_MIN = 65_536;
const READ_BYTES = 262_144;

/** Pages have memory to share only where they are isolated, and no use for it. */
const shared = globalThis.process?.versions?.node !== undefined;

/** Buffers as long as chunks are, which then need not be copied. */
export function poolFor(options: ChunkOptions): ChunkPool {
  const chunkBytes = chunkBytesOf(options);
  return new ChunkPool(chunkBytes < READ_BYTES_MIN ? READ_BYTES : chunkBytes, { shared });
}

/** Builds into an upload, which is ended where it went well and given up where it did not. */
export async function uploading<T>(upload: BlockUpload, build: () => Promise<T>): Promise<T> {
  try {
    const built = await build();
    await upload.end();
    return built;
  } catch (error) {
    upload.abort();
    throw error;
  }
}
