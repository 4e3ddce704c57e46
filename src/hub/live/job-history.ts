import { decode, encode } from "cborg";
import type { FailureMark, Range } from "../../protocol/index.ts";
import { Band, type PackedBand } from "./band.ts";
import { type PackedTimeline, Timeline } from "./timeline.ts";

type Packed = [band: PackedBand, timeline: PackedTimeline, mapBand: PackedBand | null];

/**
 * What of a job's course is kept for people to look at: who did what, and when. Its size does not depend on the job's;
 * when the job has ended, only its packed bytes are kept.
 */
export class JobHistory {
  #band: Band | undefined;
  #timeline: Timeline | undefined;
  #mapBand: Band | undefined;
  #packed: Uint8Array | undefined;

  get band(): Band {
    if (this.#packed !== undefined) return this.#unpacked()?.band ?? new Band();
    this.#band ??= new Band();
    return this.#band;
  }

  get timeline(): Timeline {
    if (this.#packed !== undefined) return this.#unpacked()?.timeline ?? new Timeline();
    this.#timeline ??= new Timeline();
    return this.#timeline;
  }

  /** Of the map stage of a shuffle that has ended. */
  get mapBand(): Band | undefined {
    return this.#packed === undefined ? this.#mapBand : this.#unpacked()?.mapBand;
  }

  /** Enters results; failures are those among their records, in order. */
  add(worker: string, ranges: readonly Range[], failures: readonly FailureMark[]): void {
    const { band } = this;
    band.add(worker, ranges);
    let [offset, row] = [0, 0];
    for (const { at } of failures) {
      while (row < ranges.length && at >= offset + ranges[row]![1] - ranges[row]![0]) {
        offset += ranges[row]![1] - ranges[row]![0];
        row++;
      }
      const range = ranges[row];
      if (range === undefined) return;
      const input = range[0] + at - offset;
      band.fail(input, input + 1);
    }
  }

  /** Nothing more will come. @param map the history of its map stage, of a shuffle */
  end(map: JobHistory | undefined): void {
    this.#mapBand = map?.band;
    this.#packed = this.bytes();
    this.#band = undefined;
    this.#timeline = undefined;
    this.#mapBand = undefined;
  }

  bytes(): Uint8Array {
    if (this.#packed !== undefined) return this.#packed;
    const packed: Packed = [this.band.pack(), this.timeline.pack(), this.#mapBand?.pack() ?? null];
    return encode(packed);
  }

  /** When its results came: what nobody could tell from the results themselves. */
  timelineBytes(): Uint8Array {
    return encode(this.timeline.pack());
  }

  /** Takes over what `timelineBytes` gave. */
  restoreTimeline(bytes: Uint8Array): void {
    try {
      this.#timeline = Timeline.unpack(decode(bytes) as PackedTimeline);
    } catch {
      // Another version's.
    }
  }

  /** What was kept of a job that goes on. */
  static resumed(bytes: Uint8Array): JobHistory {
    const history = new JobHistory();
    const unpacked = unpack(bytes);
    history.#band = unpacked?.band;
    history.#timeline = unpacked?.timeline;
    return history;
  }

  /** What was kept of a job that has ended. */
  static ended(bytes: Uint8Array): JobHistory {
    const history = new JobHistory();
    // Views of what was read would keep all of that.
    history.#packed = bytes.slice();
    return history;
  }

  #unpacked(): Unpacked | undefined {
    return this.#packed === undefined ? undefined : unpack(this.#packed);
  }
}

interface Unpacked {
  readonly band: Band;
  readonly timeline: Timeline;
  readonly mapBand: Band | undefined;
}

/** Of what another version kept there is nothing to see. */
function unpack(bytes: Uint8Array): Unpacked | undefined {
  try {
    const [band, timeline, mapBand] = decode(bytes) as Packed;
    return {
      band: Band.unpack(band),
      timeline: Timeline.unpack(timeline),
      mapBand: mapBand === null ? undefined : Band.unpack(mapBand),
    };
  } catch {
    return undefined;
  }
}
