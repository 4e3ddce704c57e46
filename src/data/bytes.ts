/** The parts as one piece; the part itself where there is just one. */
export function concatBytes(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** What is left of parts behind their first bytes; no part is copied. */
export function bytesBehind(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = bytes;
  for (const part of parts) {
    if (skip < part.length) rest.push(skip === 0 ? part : part.subarray(skip));
    skip = Math.max(0, skip - part.length);
  }
  return rest;
}
