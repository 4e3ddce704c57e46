import type { Blobs, Journal } from "../../engine/index.ts";
import { type Limits, toMusketeersError } from "../../protocol/index.ts";
import { blocksBelow } from "../datasets/tree-survey.ts";
import { outputsIn } from "./blob-sweep.ts";
import type { NumberTable } from "./numbers.ts";

/** What a shuffle that has ended made for itself. */
export interface Leftover {
  /** Where the rows of its map stage stand in the journal: the first column. */
  readonly rows: NumberTable;
  /** Blobs besides those that the rows name. */
  readonly cids: Iterable<string>;
}

interface Waiting extends Leftover {
  readonly dueAtMs: number;
  next: number;
}

/** Blobs that are looked at in one go. */
const BLOBS_AT_ONCE = 100_000;
/** Between two goes passes at least so many times what the first one took. */
const REST_FACTOR = 20;

/** What ended shuffles made for themselves and nobody has looked at yet; a restart knows of those since the checkpoint, the daily sweep of all. */
export class Leftovers {
  readonly #limits: Pick<Limits, "outputsUnusedMs">;
  readonly #waiting: Waiting[] = [];
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(limits: Pick<Limits, "outputsUnusedMs">) {
    this.#limits = limits;
  }

  add(leftover: Leftover, nowMs: number): void {
    this.#waiting.push({ ...leftover, dueAtMs: nowMs + this.#limits.outputsUnusedMs, next: 0 });
  }

  isDue(nowMs: number): boolean {
    const [first] = this.#waiting;
    return first !== undefined && nowMs >= Math.max(first.dueAtMs, this.#restUntilMs);
  }

  /** A go ended at this time. */
  rest(nowMs: number, tookMs: number): void {
    this.#restUntilMs = nowMs + REST_FACTOR * tookMs;
  }

  /** Takes the next blobs that may be of no use any more, with all that is below them. */
  async take(nowMs: number, journal: Journal, blobs: Blobs, signal: AbortSignal): Promise<Set<string>> {
    const taken = new Set<string>();
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || first.dueAtMs > nowMs) return taken;
      if (first.next === 0) for (const cid of first.cids) taken.add(cid);
      while (first.next < first.rows.rows) {
        if (taken.size >= BLOBS_AT_ONCE) return taken;
        const position = first.rows.at(first.next, 0);
        first.next++;
        const outputs = await outputsAt(position, journal);
        for await (const cid of blocksBelow(outputs, blobs, signal)) taken.add(cid);
      }
      this.#waiting.shift();
    }
  }
}

/** The outputs that a record of results names; none where the journal has dropped it. */
async function outputsAt(position: number, journal: Journal): Promise<readonly string[]> {
  try {
    return [...outputsIn(await journal.get(position))];
  } catch (error) {
    if (toMusketeersError(error).code === "NOT_FOUND") return [];
    throw error;
  }
}
