import type { Terminal } from "../terminal.ts";
import { bytes, duration, percent, plural, printableLine } from "./format.ts";
import { LiveLine } from "./progress.ts";
import { meter } from "./table.ts";

export interface TransferState {
  readonly bytes: number;
  /** As far as it is known; at least `bytes`. */
  readonly bytesTotal: number;
  readonly files: number;
  /** The file of the moment. */
  readonly path: string;
  /** Why nothing moves, where that is known; else empty. */
  readonly waiting?: string;
}

/** What a speed is taken from; over the whole time it would not tell of a way that has become slow. */
const SPEED_WINDOW_MS = 15_000;
/** Nothing is said of the rest before this time has passed. */
const ETA_AFTER_MS = 1_000;
/** Where nothing has moved for so long, that is said instead of a speed. */
const STILL_AFTER_MS = 10_000;

/** How fast bytes come, and since when they do not. */
export class Speed {
  readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];
  #movedAtMs: number;

  constructor(nowMs: number) {
    this.#movedAtMs = nowMs;
    this.#samples.push({ atMs: nowMs, bytes: 0 });
  }

  /** @param bytes so far */
  at(nowMs: number, bytes: number): void {
    if (bytes === this.#samples.at(-1)?.bytes) return;
    this.#movedAtMs = nowMs;
    this.#samples.push({ atMs: nowMs, bytes });
    // One older than the window stays, so that there always is something to measure from.
    while (this.#samples.length > 2 && this.#samples[1]!.atMs < nowMs - SPEED_WINDOW_MS)
      this.#samples.shift();
  }

  /** Bytes a second lately. */
  perSecond(nowMs: number): number {
    const [from, to] = [this.#samples[0]!, this.#samples.at(-1)!];
    return nowMs > from.atMs ? ((to.bytes - from.bytes) * 1000) / (nowMs - from.atMs) : 0;
  }

  stillMs(nowMs: number): number {
    return nowMs - this.#movedAtMs;
  }
}

/** One line, if possible of fewer than `columns`: a bar, how much, how fast, how long still, and where. */
export function transferText(
  state: TransferState,
  { elapsedMs, perSecond, stillMs }: { elapsedMs: number; perSecond: number; stillMs: number },
  columns: number,
): string {
  const { bytes: done, bytesTotal, files, path, waiting = "" } = state;
  const parts = [percent(done, bytesTotal), `${bytes(done)} of ${bytes(bytesTotal)}`];
  if (waiting !== "") parts.push(waiting);
  else if (stillMs >= STILL_AFTER_MS) parts.push(`nothing moved for ${Math.floor(stillMs / 1000)} s`);
  else {
    if (perSecond > 0) parts.push(`${bytes(perSecond)}/s`);
    if (perSecond > 0 && done < bytesTotal && elapsedMs > ETA_AFTER_MS) {
      parts.push(`${duration(((bytesTotal - done) / perSecond) * 1000)} left`);
    }
  }
  const line = meter(bytesTotal === 0 ? 0 : done / bytesTotal, parts.join("  "), columns);
  // What may be cut off where it does not fit.
  return [line, ...(files > 1 ? [plural(files, "file")] : []), ...(path === "" ? [] : [path])].join("  ");
}

const REDRAW_MS = 1_000;

/** The live line of a transfer, which goes on telling the time where nothing comes. */
export class TransferLine {
  readonly #terminal: Terminal;
  readonly #line: LiveLine;
  readonly #startMs: number;
  readonly #speed: Speed;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #state: TransferState | undefined;

  constructor(terminal: Terminal, enabled: boolean) {
    this.#terminal = terminal;
    this.#line = new LiveLine(terminal, enabled);
    this.#startMs = terminal.now();
    this.#speed = new Speed(this.#startMs);
    this.#timer = enabled ? setInterval(() => this.draw(), REDRAW_MS) : undefined;
    this.#timer?.unref();
  }

  set(state: TransferState): void {
    this.#state = state;
    this.#speed.at(this.#terminal.now(), state.bytes);
    this.draw();
  }

  /** Runs `write` with the line out of the way. */
  above(write: () => void): void {
    this.#line.above(write);
  }

  draw(): void {
    if (this.#state === undefined) return;
    const nowMs = this.#terminal.now();
    const course = {
      elapsedMs: nowMs - this.#startMs,
      perSecond: this.#speed.perSecond(nowMs),
      stillMs: this.#speed.stillMs(nowMs),
    };
    const state = { ...this.#state, path: printableLine(this.#state.path) };
    this.#line.set(transferText(state, course, this.#terminal.columns));
  }

  /** Takes the line away. */
  clear(): void {
    clearInterval(this.#timer);
    this.#state = undefined;
    this.#line.clear();
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}
