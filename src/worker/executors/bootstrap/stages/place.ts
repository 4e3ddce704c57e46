import type { Segment } from "../../../../data/readers/index.ts";
import type { FailureData } from "../../../../protocol/index.ts";

/** Of what a map threw: which record it was given. What was thrown stays the user's own. */
const places = new WeakMap<object, string>();

/**
 * Keeps in mind at which record of a segment a map threw.
 * @param record its number among those of the segment, from 1
 */
export function notePlace(thrown: unknown, segment: Segment, record: number): void {
  if (typeof thrown === "object" && thrown !== null) places.set(thrown, placeIn(segment, record));
}

/** The failure with the place that was kept in mind of what was thrown. */
export function withPlace(failure: FailureData, thrown: unknown): FailureData {
  const place = typeof thrown === "object" && thrown !== null ? places.get(thrown) : undefined;
  return place === undefined ? failure : { ...failure, message: `${failure.message} (${place})` };
}

/** In quotes, so that what is the same error in many files counts as the same. */
function placeIn({ file, start, end, format }: Segment, record: number): string {
  const name = `in ${JSON.stringify(file.name ?? file.cid)}`;
  // Where a line of a later part stands among all lines nobody has counted.
  const behind = start === 0 ? "" : ` behind byte ${start}`;
  switch (format.kind) {
    case "lines":
      return `${name}, line ${record}${behind}`;
    case "csv":
      return `${name}, row ${record}${behind}`;
    case "jsonl":
      return `${name}, record ${record}${behind}`;
    case "bytes":
      return start === 0 && end === file.bytes ? name : `${name}, in the bytes from ${start} to ${end}`;
    case "whole":
      return name;
  }
}
