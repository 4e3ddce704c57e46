import { join } from "node:path";
import { cidOf, codecOf, createHasherFor, isCid } from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { blobMismatch, blobTooLarge, checkBlock, noBlob } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { BlobStat, Blobs, NamedBlock, StoredBlob } from "../port.ts";
import { DamagedBlobs } from "./damaged-blobs.ts";
import { FaultMark } from "./fault-mark.ts";
import { FileBlobs } from "./file-blobs.ts";
import type { Files } from "./files.ts";
import { PackedBlobs, type Storing } from "./packs/packed-blobs.ts";

const DAMAGED = "damaged";
const PACKS = "packs";

/** Streams are gathered in up to so much memory, all together, to see whether they are small. */
const GATHERED_BYTES_MAX = 16 * 1024 * 1024;
/** Blocks of one batch that are being written. */
const STORING_MAX = 64;

export interface OpenBlobsOptions {
  readonly files: Files;
  readonly directory: string;
  readonly limits: Pick<EngineLimits, "blobBytesMax" | "packBytesTarget" | "packedBlobBytesMax">;
  /** Whether what is stored survives a power cut, too. */
  readonly strict: boolean;
  /** Milliseconds since 1970; for saying since when something fails. */
  readonly nowMs: () => number;
  /** Milliseconds since whenever, where it is not the system's; says how long writes take. */
  readonly clockMs?: () => number;
  /** Asked before each write; throws a MusketeersError where the directory is no longer this process's. */
  readonly guard?: () => void;
}

/** Blobs in a directory: small ones in packs, large ones, and those of older versions, as files. */
export class EmbeddedBlobs implements Blobs {
  readonly #limits: OpenBlobsOptions["limits"];
  readonly #guard: (() => void) | undefined;
  readonly #packed: PackedBlobs;
  readonly #large: FileBlobs;
  readonly #damaged: DamagedBlobs;
  /** Why storing failed last. */
  readonly fault: FaultMark;
  #gatheredBytes = 0;

  private constructor(
    { limits, guard }: OpenBlobsOptions,
    parts: { packed: PackedBlobs; large: FileBlobs; damaged: DamagedBlobs; fault: FaultMark },
  ) {
    this.#limits = limits;
    this.#guard = guard;
    this.#packed = parts.packed;
    this.#large = parts.large;
    this.#damaged = parts.damaged;
    this.fault = parts.fault;
  }

  /** Opens the store of a directory, which is made where there is none; forgets what was half stored. */
  static open(options: OpenBlobsOptions): Promise<EmbeddedBlobs> {
    return EmbeddedBlobs.#open(options, false);
  }

  /** The store of a directory as it is, for looking at it beside whoever has it open. */
  static attach(options: OpenBlobsOptions): Promise<EmbeddedBlobs> {
    return EmbeddedBlobs.#open(options, true);
  }

  static async #open(options: OpenBlobsOptions, readOnly: boolean): Promise<EmbeddedBlobs> {
    const { files, directory, nowMs } = options;
    const fault = new FaultMark(nowMs);
    const damaged = new DamagedBlobs(files, join(directory, DAMAGED), nowMs);
    const parts = { ...options, fault, damaged };
    const large = readOnly ? FileBlobs.attach(parts) : await FileBlobs.open(parts);
    const packed = await PackedBlobs.open({ ...parts, directory: join(directory, PACKS), readOnly });
    await damaged.count();
    return new EmbeddedBlobs(options, { packed, large, damaged, fault });
  }

  /** That some are damaged. */
  get damage(): FaultMark {
    return this.#damaged.mark;
  }

  async put(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options: { readonly expect?: string; readonly bytesMax?: number } = {},
  ): Promise<BlobStat> {
    this.#guard?.();
    const bytesMax = Math.min(options.bytesMax ?? this.#limits.blobBytesMax, this.#limits.blobBytesMax);
    if (bytes instanceof Uint8Array) return this.#putBytes(bytes, bytesMax, options.expect);
    const { expect } = options;
    const known = expect === undefined ? undefined : await this.touch(expect);
    if (known !== undefined) return this.#compare(bytes, bytesMax, known);
    return this.#putStream(bytes, bytesMax, expect);
  }

  async #putBytes(bytes: Uint8Array, bytesMax: number, expect: string | undefined): Promise<BlobStat> {
    if (bytes.length > bytesMax) throw blobTooLarge(bytesMax);
    const cid = cidOf(bytes, expect === undefined ? "raw" : codecOf(expect));
    if (expect !== undefined && expect !== cid) throw blobMismatch(expect, cid);
    const known = await this.touch(cid);
    // Of another length it was damaged, and is stored again.
    if (known?.bytes === bytes.length) return known;
    if (bytes.length > this.#limits.packedBlobBytesMax)
      return this.#large.put([bytes], { bytesMax, expect: cid });
    await this.#storing(async () => this.#packed.stored(await this.#packed.add(cid, bytes)));
    await this.#isStored(cid);
    return { cid, bytes: bytes.length };
  }

  /** What is there already only has to be what it should be; nothing is written. */
  async #compare(parts: AsyncIterable<Uint8Array>, bytesMax: number, known: BlobStat): Promise<BlobStat> {
    const hasher = createHasherFor(known.cid);
    let length = 0;
    for await (const part of parts) {
      length += part.length;
      if (length > bytesMax) throw blobTooLarge(bytesMax);
      hasher.update(part);
    }
    const cid = hasher.cid();
    if (known.cid !== cid) throw blobMismatch(known.cid, cid);
    if (known.bytes !== length) throw await this.#large.setAside(cid);
    return known;
  }

  /** A small one is gathered and packed; what turns out to be large goes to a file as it comes. */
  async #putStream(
    parts: AsyncIterable<Uint8Array>,
    bytesMax: number,
    expect: string | undefined,
  ): Promise<BlobStat> {
    const iterator = parts[Symbol.asyncIterator]();
    const gathered: Uint8Array[] = [];
    let length = 0;
    try {
      for (;;) {
        const next = await iterator.next();
        if (next.done === true)
          return await this.#putBytes(Buffer.concat(gathered, length), bytesMax, expect);
        if (length + next.value.length > bytesMax) throw blobTooLarge(bytesMax);
        length += next.value.length;
        this.#gatheredBytes += next.value.length;
        const isLarge = length > this.#limits.packedBlobBytesMax || this.#gatheredBytes > GATHERED_BYTES_MAX;
        // The giver may use its buffer again.
        gathered.push(isLarge ? next.value : next.value.slice());
        if (!isLarge) continue;
        const whole = follow(gathered.splice(0), iterator);
        return await this.#large.put(whole, { bytesMax, ...(expect === undefined ? {} : { expect }) });
      }
    } finally {
      this.#gatheredBytes -= length;
      await iterator.return?.();
    }
  }

  async putBatch(blocks: AsyncIterable<NamedBlock> | Iterable<NamedBlock>): Promise<number> {
    let count = 0;
    const added: string[] = [];
    const storing = new Set<Storing>();
    const settle = (each: Storing) => {
      storing.delete(each);
      return this.#storing(() => this.#packed.stored(each));
    };
    try {
      for await (const block of blocks) {
        const packing = await this.#putBlock(block);
        count++;
        if (packing === undefined) continue;
        storing.add(packing);
        added.push(block.cid);
        if (storing.size >= STORING_MAX) await settle([...storing][0]!);
      }
    } finally {
      // Also of what came before something that was refused.
      for (const each of [...storing]) await settle(each);
    }
    this.fault.clear();
    if (this.damage.text !== null) for (const cid of added) await this.#damaged.forget(cid);
    return count;
  }

  /** Undefined for what is stored, or was. */
  async #putBlock(block: NamedBlock): Promise<Storing | undefined> {
    const { cid, bytes, release } = block;
    let isTaken = false;
    try {
      this.#guard?.();
      checkBlock(block, this.#limits.blobBytesMax);
      if (this.#large.touch(cid)?.bytes === bytes.length) return undefined;
      if (bytes.length > this.#limits.packedBlobBytesMax) {
        await this.#large.put([bytes], { expect: cid });
        return undefined;
      }
      const packing = await this.#storing(() => this.#packed.add(cid, bytes, release));
      isTaken = true;
      return packing;
    } finally {
      if (!isTaken) release?.();
    }
  }

  async #isStored(cid: string): Promise<void> {
    this.fault.clear();
    await this.#damaged.forget(cid);
  }

  /** Does a part of storing a blob; a disk that refuses is a `STORAGE` error, and is remembered. */
  async #storing<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (cause) {
      if (cause instanceof MusketeersError) throw cause;
      const reason = `A blob cannot be stored: ${(cause as Error).message}`;
      this.fault.set(reason);
      throw new MusketeersError("STORAGE", reason, { cause });
    }
  }

  async stat(cid: string): Promise<BlobStat | undefined> {
    if (!isCid(cid)) return undefined;
    return this.#packed.stat(cid) ?? this.#large.stat(cid);
  }

  async touch(cid: string): Promise<BlobStat | undefined> {
    if (!isCid(cid)) return undefined;
    const known = this.#packed.touch(cid);
    if (known === undefined) return this.#large.touch(cid);
    await this.#storing(() => this.#packed.stored(known.storing));
    return { cid, bytes: known.bytes };
  }

  async *read(
    cid: string,
    range?: { readonly start: number; readonly end: number },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (!isCid(cid)) throw noBlob(cid);
    let packed: Uint8Array | undefined;
    try {
      packed = await this.#packed.read(cid, range);
    } catch (cause) {
      if (cause instanceof MusketeersError) throw cause;
      throw new MusketeersError("STORAGE", `A blob cannot be read: ${(cause as Error).message}`, { cause });
    }
    if (packed === undefined) yield* this.#large.read(cid, range);
    else if (packed.length > 0) yield packed;
  }

  /** Whether a blob is what its name says; one that is not is left where it is. */
  async isIntact(cid: string): Promise<boolean> {
    return (await this.#packed.isIntact(cid)) ?? this.#large.isIntact(cid);
  }

  async delete(cid: string, unusedSinceMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (!isCid(cid)) return;
    this.#packed.delete(cid, unusedSinceMs);
    this.#large.delete(cid, unusedSinceMs);
  }

  async *list(): AsyncGenerator<StoredBlob, void, undefined> {
    yield* this.#packed.list();
    for await (const blob of this.#large.list()) {
      if (this.#packed.stat(blob.cid) === undefined) yield blob;
    }
  }

  /** Resolves when no more packs are put in order behind what was asked for. */
  idle(): Promise<void> {
    return this.#packed.idle();
  }

  /** Waits for what is being written, and leaves the packs so that the next start reads little. */
  close(): Promise<void> {
    return this.#packed.close();
  }
}

async function* follow(
  first: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
