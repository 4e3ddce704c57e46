import type { LivePart } from "../../protocol/index.ts";

const encoder = new TextEncoder();

/** A table's rows are halved until they fit; one that fits nowhere is left out. */
function halvesOf({ set, put, drop }: LivePart): LivePart[] {
  const [largest] = Object.entries(put).toSorted(([, a], [, b]) => b.length - a.length);
  if (largest === undefined || largest[1].length < 2) return [{ set, put: {}, drop }];
  const [name, rows] = largest;
  const middle = rows.length >> 1;
  return [
    { set, put: { ...put, [name]: rows.slice(0, middle) }, drop },
    { set: {}, put: { [name]: rows.slice(middle) }, drop: {} },
  ];
}

/**
 * A part as the bodies of as many frames as it takes.
 * @param bytesMax of each body
 */
export function framesOf(part: LivePart, bytesMax: number): Uint8Array[] {
  const bytes = encoder.encode(JSON.stringify(part));
  if (bytes.length <= bytesMax) return [bytes];
  if (Object.keys(part.put).length === 0) return [];
  return halvesOf(part).flatMap((half) => framesOf(half, bytesMax));
}
