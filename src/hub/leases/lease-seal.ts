import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { decode, encode } from "cborg";
import { type Range, unflattenRanges } from "../../protocol/index.ts";
import type { LeaseDescriptor } from "../../scheduler/index.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Differences to the bound before: scattered ranges of large indices stay short. */
function packRanges(ranges: readonly Range[]): number[] {
  const packed: number[] = [];
  let last = 0;
  for (const [start, end] of ranges) {
    packed.push(start - last, end - start);
    last = end;
  }
  return packed;
}

function unpackRanges(packed: readonly number[]): Range[] {
  const flat: number[] = [];
  let last = 0;
  for (let at = 0; at < packed.length; at += 2) {
    const start = last + packed[at]!;
    last = start + packed[at + 1]!;
    flat.push(start, last);
  }
  return unflattenRanges(flat);
}

/** What a lease id stands for. */
export interface SealedLease {
  readonly descriptor: LeaseDescriptor;
  /** Tells a job from a later one of the same id. */
  readonly epoch: number;
  /** Id of the invite that its worker came with: nobody else can use the lease. */
  readonly holder: string;
}

/**
 * Makes and opens lease ids: the lease, encrypted and authenticated (AES-256-GCM) under a key that
 * follows from the hub's. A worker cannot read, invent or change one, and a restarted hub still knows its own.
 */
export class LeaseSeal {
  readonly #key: Uint8Array;
  /** Random bytes for many nonces at once: asking for a few each time costs more than the cipher does. */
  #nonces = Buffer.alloc(0);

  constructor(hubSecretKey: Uint8Array) {
    this.#key = new Uint8Array(
      hkdfSync("sha256", hubSecretKey, new Uint8Array(0), "musketeers lease", KEY_BYTES),
    );
  }

  seal({ descriptor, epoch, holder }: SealedLease): string {
    const { job, worker, ranges, failures, strikes } = descriptor;
    const nonce = this.#nonce();
    const cipher = createCipheriv(CIPHER, this.#key, nonce);
    const plain = encode([job, worker, packRanges(ranges), failures, strikes, epoch, holder]);
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString(
      "base64url",
    );
  }

  #nonce(): Buffer {
    if (this.#nonces.length === 0) this.#nonces = randomBytes(NONCE_BYTES * 256);
    const nonce = this.#nonces.subarray(0, NONCE_BYTES);
    this.#nonces = this.#nonces.subarray(NONCE_BYTES);
    return nonce;
  }

  /** The lease, or undefined for what this hub never sealed. */
  open(lease: string): SealedLease | undefined {
    const bytes = Buffer.from(lease, "base64url");
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    try {
      const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const plain = Buffer.concat([
        decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)),
        decipher.final(),
      ]);
      const [job, worker, packed, failures, strikes, epoch, holder] = decode(plain) as [
        string,
        string,
        number[],
        number,
        number,
        number,
        string,
      ];
      return { descriptor: { job, worker, ranges: unpackRanges(packed), failures, strikes }, epoch, holder };
    } catch {
      return undefined;
    }
  }
}
