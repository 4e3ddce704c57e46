import type { Terminal } from "../terminal.ts";
import { count, duration, percent, rate } from "./format.ts";
import { meter } from "./table.ts";

export interface ProgressState {
  readonly done: number;
  readonly failed: number;
  readonly size: number;
  /** Whether `size` is all there will be. */
  readonly sealed: boolean;
  readonly workers?: number;
  /** Why nothing happens, where nothing can; else empty. */
  readonly waiting?: string;
}

/** Nothing is said of the rest before this share and time have passed. */
const ETA_AFTER_MS = 1_000;

/** One line, if possible of fewer than `columns`: a bar, what is done, how fast, how long still. */
export function progressText(state: ProgressState, elapsedMs: number, columns: number): string {
  const { done, failed, size, sealed, workers, waiting } = state;
  const perSecond = elapsedMs > 0 ? (done * 1000) / elapsedMs : 0;
  const parts = [sealed ? percent(done, size) : "…", `${count(done)}/${count(size)}${sealed ? "" : "+"}`];
  if (failed > 0) parts.push(`${count(failed)} failed`);
  if (waiting) parts.push(waiting);
  else {
    if (done > 0) parts.push(rate(perSecond));
    if (sealed && done > 0 && done < size && elapsedMs > ETA_AFTER_MS) {
      parts.push(`${duration(((size - done) / perSecond) * 1000)} left`);
    }
    if (workers) parts.push(workers === 1 ? "1 worker" : `${count(workers)} workers`);
  }
  const text = parts.join("  ");
  return sealed ? meter(size === 0 ? 1 : done / size, text, columns) : text;
}

const REDRAW_MS = 100;

/**
 * One live line at the bottom of a terminal. Other output goes through `above`, so that it does not mix
 * with the line. Where standard error is no terminal it draws nothing.
 */
export class LiveLine {
  readonly #terminal: Terminal;
  readonly #enabled: boolean;
  #shown = "";
  #wanted = "";
  #drawnAtMs = Number.NEGATIVE_INFINITY;

  constructor(terminal: Terminal, enabled: boolean = terminal.errIsTTY) {
    this.#terminal = terminal;
    this.#enabled = enabled;
  }

  /** Shows this text from now on; drawn a few times a second at most. */
  set(text: string): void {
    this.#wanted = text;
    if (this.#terminal.now() - this.#drawnAtMs >= REDRAW_MS) this.draw();
  }

  draw(): void {
    if (!this.#enabled || this.#wanted === this.#shown) return;
    this.#drawnAtMs = this.#terminal.now();
    this.#shown = this.#wanted;
    this.#terminal.err(`\r\u001b[2K${cutToWidth(this.#wanted, this.#terminal.columns - 1)}`);
  }

  /** Runs `write` with the line out of the way. */
  above(write: () => void): void {
    this.#erase();
    write();
    this.draw();
  }

  /** Takes the line away. */
  clear(): void {
    this.#wanted = "";
    this.#erase();
  }

  #erase(): void {
    if (this.#shown === "") return;
    this.#shown = "";
    this.#terminal.err("\r\u001b[2K");
  }
}

/** All characters of these lines are one column wide, but for what a task may be named. */
const cutToWidth = (text: string, width: number): string => [...text].slice(0, Math.max(1, width)).join("");
