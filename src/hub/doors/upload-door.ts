import { type Limits, MusketeersError } from "../../protocol/index.ts";
import { TokenBucket } from "./token-bucket.ts";

const HOUR_SECONDS = 3600;
/** Keys whose uploads are remembered; the one that stored nothing for longest is forgotten first. */
const KEYS_MAX = 10_000;

/** How much whoever has one key may store: what nobody refers to stays on the disk for a day. */
export class UploadDoor {
  readonly #bytesMax: number;
  readonly #nowMs: () => number;
  /** The key that stored last stands last. */
  readonly #keys = new Map<string, TokenBucket>();

  constructor(limits: Pick<Limits, "uploadBytesPerHourMax">, nowMs = () => performance.now()) {
    this.#bytesMax = limits.uploadBytesPerHourMax;
    this.#nowMs = nowMs;
  }

  /**
   * Before an upload, whose size nobody knows yet.
   * @throws MusketeersError `TOO_MANY`
   */
  check(key: string): void {
    if (this.#keys.get(key)?.take(0, this.#nowMs()) ?? true) return;
    const message = `This key has stored ${this.#bytesMax} bytes in an hour (uploadBytesPerHourMax)`;
    throw new MusketeersError("TOO_MANY", message);
  }

  /** So many bytes came. */
  took(key: string, bytes: number): void {
    const nowMs = this.#nowMs();
    const bucket =
      this.#keys.get(key) ?? new TokenBucket(this.#bytesMax / HOUR_SECONDS, this.#bytesMax, nowMs);
    bucket.take(bytes, nowMs);
    this.#keys.delete(key);
    this.#keys.set(key, bucket);
    if (this.#keys.size <= KEYS_MAX) return;
    const [oldest] = this.#keys.keys();
    this.#keys.delete(oldest!);
  }
}
