import type { Range, Ranges } from "../../protocol/index.ts";
import { type ClassSet, Pending, type Place } from "./pending.ts";
import { RangeSet } from "./rangeset.ts";

/** Who may take an input of which votes are there: `p` asks for a proven person, then the engine class. */
export const laneName = (needsProven: boolean, engineClass: string): string =>
  `${needsProven ? "p" : "a"}${engineClass}`;

export const laneNeedsProven = (lane: string): boolean => lane.startsWith("p");
export const laneEngine = (lane: string): string => lane.slice(1);

/**
 * The pending inputs of a job whose results are voted on: those of which votes are there wait apart, by who
 * may take them, whatever sends them back.
 */
export class LanedPending extends Pending {
  readonly #open: RangeSet;
  readonly #laneOf: (input: number) => string;
  /** There may be something for those for whom there was nothing, since this was last looked at. */
  grew = false;

  /** @param open the inputs that have votes */
  constructor(open: RangeSet, laneOf: (input: number) => string) {
    super();
    this.#open = open;
    this.#laneOf = laneOf;
  }

  override add(place: Place, ranges: Ranges): void {
    for (const [lane, part] of this.#split(ranges)) super.add({ ...place, ...lane }, part);
  }

  override delay(place: Place, ranges: Ranges, readyAtMs: number): void {
    for (const [lane, part] of this.#split(ranges)) super.delay({ ...place, ...lane }, part, readyAtMs);
  }

  override mature(nowMs: number): void {
    if (nowMs >= this.nextMs) this.grew = true;
    super.mature(nowMs);
  }

  /** After votes came or went, or what they are worth changed: puts inputs where they belong now. */
  relane(ranges: Ranges): void {
    const ready = takeOut(this.ready, ranges);
    const delayed = takeOut(this.delayed, ranges);
    for (const [place, part] of ready) this.add(place, part);
    for (const [place, part] of delayed) this.delay(place, part, place.readyAtMs);
    this.sweep();
  }

  #split(ranges: Ranges): [{ lane?: string }, Range[]][] {
    if (ranges.length === 0) return [];
    this.grew = true;
    if (this.#open.count === 0) return [[{}, [...ranges]]];
    const parts: [{ lane?: string }, Range[]][] = [];
    const plain = this.#open.missing(ranges);
    if (plain.length > 0) parts.push([{}, plain]);
    const lanes = new Map<string, RangeSet>();
    for (const [start, end] of this.#open.intersect(ranges)) {
      for (let input = start; input < end; input++) {
        const lane = this.#laneOf(input);
        const inputs = lanes.get(lane) ?? new RangeSet();
        lanes.set(lane, inputs);
        inputs.add(input, input + 1);
      }
    }
    for (const [lane, inputs] of lanes) parts.push([{ lane }, [...inputs.ranges()]]);
    return parts;
  }
}

/** Takes these inputs out of the sets; gives where they were, but for their lane. */
function takeOut<S extends ClassSet>(sets: readonly S[], ranges: Ranges): [Omit<S, "lane">, Range[]][] {
  const found: [Omit<S, "lane">, Range[]][] = [];
  for (const set of sets) {
    const part = set.inputs.intersect(ranges);
    if (part.length === 0) continue;
    set.inputs.removeAll(part);
    const { lane: _, ...place } = set;
    found.push([place, part]);
  }
  return found;
}
