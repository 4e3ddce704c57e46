/** What is known of a pack beside the index. */
export interface Pack {
  readonly number: number;
  /** Its length, up to the last record. */
  bytes: number;
  /** Up to here it survives a power cut. */
  synced: number;
  /** Records in it, also of blobs that are deleted. */
  records: number;
  /** Bytes and number of the records of blobs that are there. */
  liveBytes: number;
  live: number;
  /** Whether something was deleted or used since its index file was written. */
  isStale: boolean;
  /** Why it could not be synced; nothing more is written to it. */
  failure?: Error;
}

export const newPack = (number: number, bytes: number): Pack => ({
  number,
  bytes,
  synced: 0,
  records: 0,
  liveBytes: 0,
  live: 0,
  isStale: true,
});
