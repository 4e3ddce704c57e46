import type { ProgressMessage, WorkerDescription } from "../../protocol/index.ts";
import { normalised } from "./credit.ts";
import { SlotMeter } from "./slot-meter.ts";

/** What one worker claims, message by message, held to the time that its hub saw pass. */
export class Claims {
  readonly #speed: number;
  readonly #meter: SlotMeter;
  readonly #nowMs: () => number;
  #seconds = 0;
  #inputs = 1;

  constructor({ slots, speed }: Pick<WorkerDescription, "slots" | "speed">, nowMs = () => performance.now()) {
    this.#speed = speed;
    this.#meter = new SlotMeter(slots, nowMs());
    this.#nowMs = nowMs;
  }

  /** @param sinceMs what `open` said of it on a connection of before */
  opened(lease: string, sinceMs?: number): void {
    this.#meter.opened(lease, this.#nowMs(), sinceMs);
  }

  /** What is open, with the time since when nothing was claimed of it. */
  get open(): ReadonlyMap<string, number> {
    return this.#meter.open;
  }

  closed(lease: string): void {
    this.#meter.closed(lease, this.#nowMs());
  }

  /** Results came, before their lease is closed because of them. */
  came({
    lease,
    count,
    elapsedMs,
    cpuMs = elapsedMs,
  }: Pick<ProgressMessage, "lease" | "count" | "elapsedMs" | "cpuMs">): void {
    const claimMs = Math.min(elapsedMs, cpuMs);
    this.#seconds = normalised(this.#meter.claimed(lease, claimMs, this.#nowMs()), this.#speed);
    this.#inputs = Math.max(1, count);
  }

  /** Of the results that came last, in seconds of the reference core. */
  get secondsPerInput(): number {
    return this.#seconds / this.#inputs;
  }
}
