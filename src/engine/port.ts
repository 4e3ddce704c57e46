/**
 * What must survive. The port states semantics, not storage; every adapter passes `engine.contract.ts`.
 */

/** Where a record stands in a journal. Positions rise; what lies between two is the adapter's affair. */
export type Position = number;

export interface JournalEntry {
  readonly position: Position;
  readonly record: Uint8Array;
}

export interface JournalStats {
  readonly bytes: number;
  readonly records: number;
  /** Set while appends fail, such as on a full disk; cleared by the next that succeeds. */
  readonly fault: string | null;
  /** Since when, in milliseconds since 1970. */
  readonly faultSinceMs: number | null;
}

/** An ordered log with one writer. */
export interface Journal {
  /**
   * Appends records as one batch: all or none of them are there after a crash. Resolves with their
   * positions when the batch is durable (see the adapter for what it survives). Batches become durable
   * in the order of the calls. While storage refuses writes, appends wait and are tried again until
   * they succeed or the journal is closed; nothing is skipped.
   * @throws MusketeersError `LIMIT_EXCEEDED` for a record over `recordBytesMax`, `STORAGE` once closed.
   */
  append(records: readonly Uint8Array[]): Promise<readonly Position[]>;
  /**
   * Reads what was durable when the call was made, in order, from a position on.
   * @throws MusketeersError `JOURNAL_CORRUPT` at damage other than a torn last batch; never skips any.
   * `STORAGE` where the disk cannot read.
   */
  read(from?: Position): AsyncIterable<JournalEntry>;
  /**
   * Reads one record.
   * @throws MusketeersError `NOT_FOUND`, `JOURNAL_CORRUPT`, `STORAGE`.
   */
  get(position: Position): Promise<Uint8Array>;
  /** Allows everything before a position to be forgotten; some of it may stay. */
  dropBefore(position: Position): Promise<void>;
  /**
   * Resolves when all that was appended before the call survives a power cut, too, whatever the durability.
   * @throws MusketeersError `STORAGE`
   */
  sync(): Promise<void>;
  stats(): JournalStats;
  /** Waits for pending appends (or fails them where storage refuses) and releases everything. */
  close(): Promise<void>;
}

export interface RegistryEntry {
  readonly value: Uint8Array;
  /** Changes with every write of the key. */
  readonly revision: number;
}

/** A few small keys (up to 64 KiB each) with compare-and-set and expiry. */
export interface Registry {
  get(key: string): Promise<RegistryEntry | undefined>;
  /**
   * Writes a key, durable when it resolves.
   * @param options.ifRevision write only if the key has this revision; 0: only if there is none.
   * @param options.ttlMs forget the key after so long.
   * @returns the new revision, or undefined where `ifRevision` did not hold.
   */
  put(
    key: string,
    value: Uint8Array,
    options?: { readonly ifRevision?: number; readonly ttlMs?: number },
  ): Promise<number | undefined>;
  delete(key: string): Promise<void>;
  /** Keys with a prefix, sorted. */
  list(prefix: string): Promise<readonly string[]>;
}

export interface BlobStat {
  readonly cid: string;
  readonly bytes: number;
}

export interface StoredBlob extends BlobStat {
  /** When it was stored or touched last, by the wall clock. */
  readonly usedAtMs: number;
}

/** Bytes, and what they are said to be. */
export interface NamedBlock {
  readonly cid: string;
  readonly bytes: Uint8Array;
  /** The name was made of these bytes by whoever gives them: they are not hashed again. */
  readonly isVerified?: boolean;
  /**
   * Called once, when the bytes are needed no more, stored or not: until then they stay as they are. Whole pages of
   * `pageMemory` need no copy then.
   */
  readonly release?: () => void;
}

/** Immutable blocks of bytes by CID, raw or dag-pb; what counts is that their digest is the name's. */
export interface Blobs {
  /**
   * Stores bytes under the CID that they have, durable when it resolves; storing the same again is cheap,
   * and touches it. They are a raw block, unless `expect` is a CID of the other codec.
   * Never holds a whole large blob in memory.
   * @param options.expect refuse other bytes than these with `BLOB_MISMATCH`.
   * @throws MusketeersError `BLOB_MISMATCH`, `LIMIT_EXCEEDED` over `blobBytesMax`, `STORAGE`.
   */
  put(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options?: { readonly expect?: string; readonly bytesMax?: number },
  ): Promise<BlobStat>;
  /**
   * Stores many small blocks, durable when it resolves: with one wait for the disk where it can be one. What
   * is there already is touched. Holds none without a `release`: when the next is asked for the bytes of the last may
   * change. Where one is refused, those before it may stay.
   * @returns how many there were
   * @throws MusketeersError as `put`; `BLOB_MISMATCH` for bytes that are not what their name says.
   */
  putBatch(blocks: AsyncIterable<NamedBlock> | Iterable<NamedBlock>): Promise<number>;
  stat(cid: string): Promise<BlobStat | undefined>;
  /**
   * Reads a blob or the range `[start, end)` of it. A whole blob is checked against its name before its
   * last piece is given out.
   * @throws MusketeersError `NOT_FOUND`; `BLOB_MISMATCH` for a damaged one, also after it was put aside;
   * `STORAGE`
   */
  read(cid: string, range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>;
  /** Says what `stat` says, and keeps the blob from being deleted for having been out of use. */
  touch(cid: string): Promise<BlobStat | undefined>;
  /** @param unusedSinceMs leave it where it was stored or touched at this time or later. */
  delete(cid: string, unusedSinceMs?: number): Promise<void>;
  list(): AsyncIterable<StoredBlob>;
}

/** Why something cannot be stored, and since when (milliseconds since 1970). */
export interface StorageFault {
  readonly text: string;
  readonly sinceMs: number;
}

/** One place for all three. */
export interface Engine {
  readonly journal: Journal;
  readonly registry: Registry;
  readonly blobs: Blobs;
  /** What cannot be stored now, or could not within the last minute, and what is damaged; else empty. */
  faults(): readonly StorageFault[];
  /** Closes the journal and releases the lock of the data directory. */
  close(): Promise<void>;
}
