import type { Segment } from "../../protocol/index.ts";

/** Segments of all jobs together that are kept. */
const SEGMENTS_MAX = 8_192;
/** Reports of one lease that are so close to each other are of one segment. */
const GAP_MS = 400;
/** A segment is followed by another one of its lease when it is so long, so that old ones need not be sent again. */
const SEGMENT_MS_MAX = 5_000;

interface Open {
  no: number;
  segment: Mutable<Segment>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface SegmentReport extends Omit<Segment, "lane" | "fromMs" | "toMs"> {
  readonly lease: number;
  readonly nowMs: number;
  /** What these inputs took. */
  readonly elapsedMs: number;
  readonly done: boolean;
}

/** The latest that ran on slots, as workers reported it: when, and on which lane of its worker, for a task stream. */
export class Segments {
  readonly #ring = new Map<number, Segment>();
  readonly #open = new Map<number, Open>();
  /** When each lane of a worker is free again. */
  readonly #lanes = new Map<string, number[]>();
  #next = 0;

  report(report: SegmentReport): void {
    const { lease, nowMs, elapsedMs, inputs, failed, done } = report;
    const fromMs = nowMs - elapsedMs;
    const open = this.#open.get(lease);
    const goesOn =
      open !== undefined &&
      fromMs - open.segment.toMs < GAP_MS &&
      nowMs - open.segment.fromMs < SEGMENT_MS_MAX &&
      this.#ring.has(open.no);
    if (goesOn) {
      open.segment.toMs = nowMs;
      open.segment.inputs += inputs;
      open.segment.failed += failed;
      this.#lanes.get(report.worker)![open.segment.lane] = nowMs;
    } else {
      this.#begin(
        report,
        open === undefined ? fromMs : Math.max(fromMs, open.segment.toMs),
        open?.segment.lane,
      );
    }
    if (done) this.#open.delete(lease);
  }

  /** A worker is gone, and its leases with it. */
  forget(worker: string): void {
    this.#lanes.delete(worker);
    for (const [lease, { segment }] of this.#open) if (segment.worker === worker) this.#open.delete(lease);
  }

  /** The latest of those that are wanted, by number. */
  latest(wanted: (segment: Segment) => boolean, max: number): Map<string, Segment> {
    const found: [string, Segment][] = [];
    for (let no = this.#next - 1; no >= 0 && found.length < max; no--) {
      const segment = this.#ring.get(no);
      if (segment === undefined) break;
      if (wanted(segment)) found.push([String(no), segment]);
    }
    return new Map(found.reverse());
  }

  #begin(report: SegmentReport, fromMs: number, wishedLane: number | undefined): void {
    const { worker, name, job, inputs, failed, copy, nowMs, lease } = report;
    const lanes = this.#lanes.get(worker) ?? [];
    this.#lanes.set(worker, lanes);
    const free = lanes.findIndex((untilMs) => untilMs <= fromMs + 1);
    const lane = wishedLane ?? (free < 0 ? lanes.length : free);
    lanes[lane] = nowMs;
    const no = this.#next++;
    const segment = { worker, name, lane, job, fromMs, toMs: nowMs, inputs, failed, copy };
    this.#open.delete(lease);
    this.#ring.set(no, segment);
    this.#ring.delete(no - SEGMENTS_MAX);
    this.#open.set(lease, { no, segment });
    // Leases that were taken back never say that they are done.
    for (const [oldest, open] of this.#open) {
      if (open.no > no - SEGMENTS_MAX) break;
      this.#open.delete(oldest);
    }
  }
}
