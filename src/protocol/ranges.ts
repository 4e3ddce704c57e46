/** A half-open range of input indices, `[start, end)`. */
export type Range = readonly [start: number, end: number];

/** Ranges in the order in which their inputs stand in a unit: not empty, not overlapping, not always sorted. */
export type Ranges = readonly Range[];

/** How many inputs the ranges hold together. */
export function countOf(ranges: Ranges): number {
  let count = 0;
  for (const [start, end] of ranges) count += end - start;
  return count;
}

/**
 * The part of `ranges` that holds the positions `[from, to)`, counted from the first input of the first
 * range: what a worker calls its third record is some input of the job's.
 */
export function sliceRanges(ranges: Ranges, from: number, to: number): Range[] {
  const slice: Range[] = [];
  let position = 0;
  for (const [start, end] of ranges) {
    const next = position + (end - start);
    const first = Math.max(from, position);
    const last = Math.min(to, next);
    if (first < last) slice.push([start + (first - position), start + (last - position)]);
    position = next;
    if (position >= to) break;
  }
  return slice;
}

/** Appends one range, merging it with the last one where they touch. */
export function pushRange(ranges: Range[], start: number, end: number): void {
  if (start >= end) return;
  const last = ranges.at(-1);
  if (last !== undefined && last[1] === start) ranges[ranges.length - 1] = [last[0], end];
  else ranges.push([start, end]);
}

/** Ranges of flat numbers, as they stand in messages: `[s0, e0, s1, e1, …]`; throws a `RangeError` where the numbers are no ranges. */
export function unflattenRanges(flat: readonly number[]): Range[] {
  if (flat.length % 2 !== 0) throw new RangeError("odd number of bounds");
  const ranges: Range[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    const start = flat[at]!;
    const end = flat[at + 1]!;
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start >= end) {
      throw new RangeError(`not a range: ${start} to ${end}`);
    }
    ranges.push([start, end]);
  }
  return ranges;
}
