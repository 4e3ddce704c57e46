import type { Series } from "../types.ts";

const POINTS_MAX = 2_000;
const FIRST_INTERVAL_MS = 1_000;

/** A few numbers over time in bounded memory: when it is full, every other point goes. */
export class Recorder {
  readonly #names: readonly { readonly name: string; readonly unit: string }[];
  readonly #read: (sinceMs: number) => readonly number[];
  #atMs: number[] = [];
  #rows: (readonly number[])[] = [];
  #intervalMs = FIRST_INTERVAL_MS;
  #nextMs = 0;
  #lastMs = 0;

  /** @param read the numbers now, in the order of the names; rates are of the time since the last point. */
  constructor(
    names: readonly { readonly name: string; readonly unit: string }[],
    read: (sinceMs: number) => readonly number[],
  ) {
    this.#names = names;
    this.#read = read;
  }

  /** Called before anything happens at a time: what was is what the points before it show. */
  passTo(nowMs: number): void {
    while (this.#nextMs <= nowMs) {
      this.#take(this.#nextMs);
      this.#nextMs += this.#intervalMs;
    }
  }

  finish(nowMs: number): Series[] {
    if (this.#atMs.at(-1) !== nowMs) this.#take(nowMs);
    return this.#names.map(({ name, unit }, column) => ({
      name,
      unit,
      atMs: this.#atMs,
      values: this.#rows.map((row) => row[column]!),
    }));
  }

  #take(atMs: number): void {
    this.#rows.push(this.#read(atMs - this.#lastMs));
    this.#atMs.push(atMs);
    this.#lastMs = atMs;
    if (this.#atMs.length < POINTS_MAX) return;
    const isKept = (_: unknown, at: number) => at % 2 === 0;
    this.#atMs = this.#atMs.filter(isKept);
    this.#rows = this.#rows.filter(isKept);
    this.#intervalMs *= 2;
    this.#nextMs = this.#atMs.at(-1)! + this.#intervalMs;
  }
}

/** Messages as they would cross the hub's wires, with the heartbeats that nobody simulates. */
export class Traffic {
  readonly #kinds = new Map<string, number>();
  readonly #heartbeatMs: number;
  #second = 0;
  #inSecond = 0;
  #connected = 0;
  #sinceMs = 0;
  #connectedMs = 0;
  total = 0;
  peak = 0;

  constructor(heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs;
  }

  get connected(): number {
    return this.#connected;
  }

  count(kind: string, nowMs: number): void {
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
    this.total++;
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#settlePeak();
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond++;
  }

  connect(change: 1 | -1, nowMs: number): void {
    this.#settle(nowMs);
    this.#connected += change;
  }

  /** Heartbeats up to now, in parts. */
  heartbeats(nowMs: number): number {
    this.#settle(nowMs);
    return this.#connectedMs / this.#heartbeatMs;
  }

  report(nowMs: number): Record<string, number> {
    this.#settlePeak();
    const kinds = [...this.#kinds, ["heartbeat", Math.floor(this.heartbeats(nowMs))] as const];
    return Object.fromEntries(kinds.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #settle(nowMs: number): void {
    this.#connectedMs += this.#connected * (nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
  }

  #settlePeak(): void {
    this.peak = Math.max(this.peak, this.#inSecond + (1_000 * this.#connected) / this.#heartbeatMs);
  }
}
