import { decodeValue, encodeValue, MusketeersError, TAG_CID } from "../protocol/index.ts";
import { type Codec, isCid, isNamedBy } from "./cid.ts";

/*
 * A record whose value is too large to travel in a block is replaced by a reference to a blob that holds
 * it: CBOR's tag 42 over [CID, size]. Users' values never start with this tag, so two bytes tell.
 */

const TAG_ONE_BYTE = 0xd8;
const TAG_BYTES = 2;

export interface BlobRef {
  readonly cid: string;
  /** Of the record that the blob holds. */
  readonly bytes: number;
}

/** Where blobs are put and fetched; `BlobClient` is one. */
export interface BlobStore {
  get(cid: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>;
  /** Stores bytes as a block, raw where no codec is given, and says their CID. */
  put(
    bytes: Uint8Array,
    options?: { readonly signal?: AbortSignal; readonly codec?: Codec },
  ): Promise<string>;
}

export function encodeBlobRef(cid: string, bytes: number): Uint8Array {
  const content = encodeValue([cid, bytes]);
  const record = new Uint8Array(TAG_BYTES + content.length);
  record[0] = TAG_ONE_BYTE;
  record[1] = TAG_CID;
  record.set(content, TAG_BYTES);
  return record;
}

export const isBlobRef = (record: Uint8Array): boolean =>
  record.length > TAG_BYTES && record[0] === TAG_ONE_BYTE && record[1] === TAG_CID;

/** @throws MusketeersError `PROTOCOL` for a record that is no well-formed reference. */
export function decodeBlobRef(record: Uint8Array): BlobRef {
  const content = isBlobRef(record) ? decodeValue(record.subarray(TAG_BYTES)) : undefined;
  if (Array.isArray(content) && content.length === 2) {
    const [cid, bytes] = content as [unknown, unknown];
    if (isCid(cid) && Number.isSafeInteger(bytes) && (bytes as number) >= 0) {
      return { cid, bytes: bytes as number };
    }
  }
  throw new MusketeersError("PROTOCOL", "A record that should refer to a blob does not");
}

/**
 * The record as it is where it has at most `limitBytes`; else it is stored and a reference stands for it.
 * Gives no promise where nothing has to be stored.
 */
export function inlineOrBlob(
  record: Uint8Array,
  blobs: Pick<BlobStore, "put">,
  limitBytes: number,
  options?: { readonly signal?: AbortSignal },
): Uint8Array | Promise<Uint8Array> {
  if (record.length <= limitBytes) return record;
  return blobs.put(record, options).then((cid) => encodeBlobRef(cid, record.length));
}

/**
 * The record itself, fetched where it is a reference. Gives no promise where nothing has to be fetched.
 * @throws MusketeersError `PROTOCOL`, or what the store throws.
 */
export function resolveRecord(
  record: Uint8Array,
  blobs: Pick<BlobStore, "get">,
  options?: { readonly signal?: AbortSignal },
): Uint8Array | Promise<Uint8Array> {
  return isBlobRef(record) ? fetchRecord(record, blobs, options) : record;
}

async function fetchRecord(
  record: Uint8Array,
  blobs: Pick<BlobStore, "get">,
  options?: { readonly signal?: AbortSignal },
): Promise<Uint8Array> {
  const reference = decodeBlobRef(record);
  const bytes = await blobs.get(reference.cid, options);
  if (bytes.length !== reference.bytes || !isNamedBy(bytes, reference.cid)) {
    throw new MusketeersError("BLOB_MISMATCH", `The blob ${reference.cid} has other bytes than it should`);
  }
  if (isBlobRef(bytes)) throw new MusketeersError("PROTOCOL", "A blob that refers to another blob");
  return bytes;
}
