import { type Limits, MusketeersError } from "../../protocol/index.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface FlowOptions {
  readonly limits: Pick<Limits, "framesPerSecondMax" | "floodMs" | "refusalsPerMinuteMax">;
  /** Stops and goes on with reading. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Says why and closes. */
  readonly fail: (error: MusketeersError) => void;
  readonly nowMs?: () => number;
}

const MINUTE_MS = 60_000;
/** Of a bucket that is empty so much fills before its peer is read again. */
const REFILL_SHARE = 0.5;

/**
 * What one peer sends: more frames a second than anybody needs are read later, and who goes on like this, or
 * does again and again what is refused, is shown the door.
 */
export class Flow {
  readonly #options: FlowOptions;
  readonly #nowMs: () => number;
  readonly #frames: TokenBucket;
  readonly #refusals: TokenBucket;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When it began to send too much, and when it was read again last. */
  #floodSinceMs: number | undefined;
  #readSinceMs = 0;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    const { framesPerSecondMax, refusalsPerMinuteMax } = options.limits;
    const nowMs = this.#nowMs();
    this.#frames = new TokenBucket(framesPerSecondMax, framesPerSecondMax, nowMs);
    this.#refusals = new TokenBucket(refusalsPerMinuteMax / 60, refusalsPerMinuteMax, nowMs);
  }

  /** A frame came. */
  frame(): void {
    const nowMs = this.#nowMs();
    if (this.#frames.take(1, nowMs) || this.#timer !== undefined) return;
    const { framesPerSecondMax, floodMs } = this.#options.limits;
    const refillMs = this.#frames.msUntil(framesPerSecondMax * REFILL_SHARE, nowMs);
    // At twice the rate that is allowed, what filled lasts as long again; slower ones do not flood.
    if (this.#floodSinceMs === undefined || nowMs - this.#readSinceMs > 1000) this.#floodSinceMs = nowMs;
    if (nowMs - this.#floodSinceMs >= floodMs) {
      this.#options.fail(tooMany(`More than ${framesPerSecondMax} messages a second (framesPerSecondMax)`));
      return;
    }
    this.#options.pause();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#readSinceMs = this.#nowMs();
      this.#options.resume();
    }, refillMs);
  }

  /** Something of this peer's was refused because of a limit, or because it may not do it. */
  refused(): void {
    if (this.#refusals.take(1, this.#nowMs())) return;
    const { refusalsPerMinuteMax } = this.#options.limits;
    const what = `More than ${refusalsPerMinuteMax} refusals in ${MINUTE_MS / 60_000} minute`;
    this.#options.fail(tooMany(`${what} (refusalsPerMinuteMax)`));
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

const tooMany = (message: string): MusketeersError =>
  new MusketeersError("TOO_MANY", message, { hint: "Send less; what is refused stays refused." });
