import hooks, { type IntervalHistogram } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";

/** How often the event loop is looked at, as prom-client has it. */
const RESOLUTION_MS = 10;
/** A reader does not wait any longer for a first value. */
const LOOKS_MAX = 100;

/**
 * Measures the event loop for as long as somebody reads the metrics. prom-client would do it for good, which wakes
 * an idle process 97 times a second; its histogram is had where it is made, since it shows it to nobody.
 */
export class LoopWatch {
  readonly #histograms: readonly IntervalHistogram[];
  readonly #idleMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #measures = true;

  /**
   * @param collect makes prom-client's metrics, at once
   * @param idleMs measuring ends so long after the last reading
   */
  constructor(collect: () => void, idleMs: number) {
    this.#idleMs = idleMs;
    const { monitorEventLoopDelay } = hooks;
    const histograms: IntervalHistogram[] = [];
    hooks.monitorEventLoopDelay = (options) => {
      const histogram = monitorEventLoopDelay(options);
      histograms.push(histogram);
      return histogram;
    };
    try {
      collect();
    } finally {
      hooks.monitorEventLoopDelay = monitorEventLoopDelay;
    }
    this.#histograms = histograms;
  }

  /** Somebody reads; resolves when there is something to read. */
  async reading(): Promise<void> {
    clearTimeout(this.#timer);
    if (!this.#measures) for (const histogram of this.#histograms) histogram.enable();
    this.#measures = true;
    // Of nothing the smallest value is the largest number, and the mean is none.
    for (let times = 0; times < LOOKS_MAX && this.#isEmpty; times++) await pause(RESOLUTION_MS);
    clearTimeout(this.#timer);
    if (!this.#measures) return;
    this.#timer = setTimeout(() => this.stop(), this.#idleMs);
    this.#timer.unref();
  }

  get #isEmpty(): boolean {
    return this.#measures && this.#histograms.some(({ count }) => count === 0);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#measures = false;
    for (const histogram of this.#histograms) {
      histogram.disable();
      histogram.reset();
    }
  }
}
