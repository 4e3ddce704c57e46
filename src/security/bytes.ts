const textEncoder = new TextEncoder();

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Compares without saying by its duration where the first difference is. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= (a[index] as number) ^ (b[index] as number);
  return difference === 0;
}

/**
 * What is signed: a domain, so that a signature made for one purpose is worth nothing for another, then
 * the parts, each behind its length, so that nothing can move from one part to the next.
 */
export function transcript(domain: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const pieces: Uint8Array[] = [textEncoder.encode(`${domain}\n`)];
  for (const part of parts) {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, part.length);
    pieces.push(length, part);
  }
  return concatBytes(...pieces);
}
