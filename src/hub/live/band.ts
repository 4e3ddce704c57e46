import type { BandView, Range } from "../../protocol/index.ts";

/** Pieces that a band has at most. */
export const BINS_MAX = 1024;
const FIRST_BINS = 16;
/** Workers that a band knows by name; the others look alike. */
const WORKERS_MAX = 250;
const OTHERS = "(others)";

const LEASED = 1;
const COPY = 2;
const RETRY = 4;
const QUORUM = 8;

/** What goes on with some inputs, as a band shows it. */
export type BandLease =
  | {
      readonly ranges: readonly Range[];
      readonly copy: boolean;
      /** They were tried before. */
      readonly retry: boolean;
    }
  /** They have answers, and wait for more of them. */
  | { readonly ranges: readonly Range[]; readonly quorum: true };

const markOf = (lease: BandLease): number =>
  "quorum" in lease ? QUORUM : LEASED | (lease.copy ? COPY : 0) | (lease.retry ? RETRY : 0);

/** What is kept of a band. */
export type PackedBand = [inputsPerBin: number, workers: readonly string[], runs: readonly number[]];

/**
 * Who did what of a job's inputs, in up to `BINS_MAX` equal pieces whatever the job's size: when it outgrows them,
 * each two become one. Of a piece that several worked on, the worker is a majority if there is one (Boyer and Moore's
 * vote).
 */
export class Band {
  #inputsPerBin = 1;
  #done = new Uint32Array(FIRST_BINS);
  #failed = new Uint32Array(FIRST_BINS);
  /** Index of the candidate in `#names` and 1, and its lead. */
  #worker = new Uint8Array(FIRST_BINS);
  #lead = new Uint32Array(FIRST_BINS);
  #names: string[] = [];
  readonly #index = new Map<string, number>();

  /** Results that are there now. */
  add(worker: string, ranges: readonly Range[]): void {
    const name = this.#nameOf(worker);
    for (const [start, end] of ranges) {
      this.#reach(end);
      this.#each(start, end, (bin, inputs) => {
        this.#done[bin]! += inputs;
        this.#vote(bin, name, inputs);
      });
    }
  }

  /** Of these, inputs that failed for good. */
  fail(start: number, end: number): void {
    this.#reach(end);
    this.#each(start, end, (bin, inputs) => {
      this.#failed[bin]! += inputs;
    });
  }

  /** Results that are gone. */
  forget(ranges: readonly Range[]): void {
    for (const [start, end] of ranges) {
      this.#reach(end);
      this.#each(start, end, (bin, inputs) => {
        this.#done[bin] = Math.max(0, this.#done[bin]! - inputs);
      });
    }
  }

  /** How it looks with the leases of this moment. */
  view(kind: BandView["kind"], size: number, sealed: boolean, leases: Iterable<BandLease>): BandView {
    if (size > 0) this.#reach(size);
    const bins = Math.ceil(size / this.#inputsPerBin);
    const now = new Uint8Array(bins);
    for (const lease of leases) {
      const mark = markOf(lease);
      for (const [start, end] of lease.ranges) {
        this.#each(start, Math.min(end, size), (bin) => {
          now[bin]! |= mark;
        });
      }
    }
    const runs: [number, number, number, number, string][] = [];
    for (let bin = 0; bin < bins; bin++) {
      const inputs = Math.min(this.#inputsPerBin, size - bin * this.#inputsPerBin);
      const done = percent(this.#done[bin]!, inputs);
      const failed = percent(this.#failed[bin]!, inputs);
      const worker = this.#worker[bin]! - 1;
      const what = done === 100 ? "" : letter(now[bin]!);
      const last = runs.at(-1);
      if (
        last !== undefined &&
        last[1] === worker &&
        last[2] === done &&
        last[3] === failed &&
        last[4] === what
      )
        last[0]++;
      else runs.push([1, worker, done, failed, what]);
    }
    return { kind, size, sealed, inputsPerBin: this.#inputsPerBin, workers: this.#names, runs };
  }

  pack(): PackedBand {
    const runs: number[] = [];
    const bins = this.#done.findLastIndex((count) => count > 0) + 1;
    for (let bin = 0; bin < bins; bin++) {
      const row = [this.#worker[bin]!, this.#done[bin]!, this.#failed[bin]!];
      const at = runs.length - 4;
      if (at >= 0 && row.every((value, column) => runs[at + 1 + column] === value)) runs[at]!++;
      else runs.push(1, ...row);
    }
    return [this.#inputsPerBin, this.#names, runs];
  }

  static unpack([inputsPerBin, workers, runs]: PackedBand): Band {
    const band = new Band();
    band.#inputsPerBin = inputsPerBin;
    band.#names = [...workers];
    for (const [at, name] of workers.entries()) band.#index.set(name, at);
    let bin = 0;
    for (let at = 0; at + 3 < runs.length; at += 4) {
      const end = Math.min(BINS_MAX, bin + runs[at]!);
      band.#grow(end);
      band.#worker.fill(runs[at + 1]!, bin, end);
      band.#done.fill(runs[at + 2]!, bin, end);
      band.#lead.fill(runs[at + 2]!, bin, end);
      band.#failed.fill(runs[at + 3]!, bin, end);
      bin = end;
    }
    return band;
  }

  #nameOf(worker: string): number {
    const known = this.#index.get(worker);
    if (known !== undefined) return known;
    const name = this.#names.length < WORKERS_MAX ? worker : OTHERS;
    const index = this.#index.get(name) ?? this.#names.push(name) - 1;
    this.#index.set(name, index);
    return index;
  }

  #vote(bin: number, name: number, inputs: number): void {
    const lead = this.#lead[bin]!;
    if (this.#worker[bin] === name + 1) this.#lead[bin] = lead + inputs;
    else if (lead >= inputs) this.#lead[bin] = lead - inputs;
    else {
      this.#worker[bin] = name + 1;
      this.#lead[bin] = inputs - lead;
    }
  }

  #each(start: number, end: number, found: (bin: number, inputs: number) => void): void {
    const width = this.#inputsPerBin;
    for (let bin = Math.floor(start / width); bin * width < end; bin++) {
      found(bin, Math.min(end, (bin + 1) * width) - Math.max(start, bin * width));
    }
  }

  /** Makes room for inputs before `end`. */
  #reach(end: number): void {
    while (end > this.#inputsPerBin * BINS_MAX) this.#halve();
    this.#grow(Math.ceil(end / this.#inputsPerBin));
  }

  #grow(bins: number): void {
    let length = this.#done.length;
    if (bins <= length) return;
    while (length < bins) length *= 2;
    const longer = <T extends Uint8Array | Uint32Array>(made: T, old: T): T => {
      made.set(old);
      return made;
    };
    this.#done = longer(new Uint32Array(length), this.#done);
    this.#failed = longer(new Uint32Array(length), this.#failed);
    this.#worker = longer(new Uint8Array(length), this.#worker);
    this.#lead = longer(new Uint32Array(length), this.#lead);
  }

  #halve(): void {
    this.#inputsPerBin *= 2;
    const length = this.#done.length;
    for (let bin = 0; bin < length; bin++) {
      const [left, right] = [2 * bin, 2 * bin + 1];
      const at = (table: Uint8Array | Uint32Array, index: number) => (index < length ? table[index]! : 0);
      this.#done[bin] = at(this.#done, left) + at(this.#done, right);
      this.#failed[bin] = at(this.#failed, left) + at(this.#failed, right);
      const [a, b] = [at(this.#worker, left), at(this.#worker, right)];
      const [leadA, leadB] = [at(this.#lead, left), at(this.#lead, right)];
      this.#worker[bin] = leadA >= leadB ? a : b;
      this.#lead[bin] = a === b ? leadA + leadB : Math.abs(leadA - leadB);
    }
  }
}

/** Neither nothing nor all where it is only nearly so. */
const percent = (part: number, whole: number): number =>
  part <= 0 ? 0 : part >= whole ? 100 : Math.min(99, Math.max(1, Math.round((100 * part) / whole)));

const letter = (mark: number): string =>
  mark === 0
    ? ""
    : (mark & RETRY) !== 0
      ? "r"
      : (mark & COPY) !== 0
        ? "s"
        : (mark & QUORUM) !== 0
          ? "q"
          : "l";
