/** Which part of a buffer each of some keys is. */
export interface KeySpans {
  readonly bytes: Uint8Array;
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
  readonly count: number;
}

/** So many of a key's bytes, and indices up to 2^20, fit a double exactly. */
const PREFIX_BYTES = 4;
const INDEX_MAX = 2 ** 20;

/**
 * Indices of keys in the order of their bytes; equal ones in the order of their indices. Sorts numbers that
 * hold the keys' beginnings, which engines do without calling back, then what begins alike.
 */
export function orderOf(keys: KeySpans): Uint32Array {
  const order = new Uint32Array(keys.count);
  const shared = sharedByte(keys);
  if (keys.count > INDEX_MAX || !shared) {
    for (let index = 0; index < keys.count; index++) order[index] = index;
    sortPart(order, 0, keys.count, keys, 0);
    return order;
  }
  const { bytes, starts, ends, count } = keys;
  const heads = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    let head = 0;
    const from = starts[index]! + 1;
    const end = ends[index]!;
    for (let at = from; at < from + PREFIX_BYTES; at++) head = head * 256 + (at < end ? bytes[at]! : 0);
    heads[index] = head * INDEX_MAX + index;
  }
  heads.sort();
  let from = 0;
  let before = -1;
  for (let place = 0; place < count; place++) {
    const head = Math.floor(heads[place]! / INDEX_MAX);
    order[place] = heads[place]! - head * INDEX_MAX;
    if (head === before) continue;
    if (place - from > 1) sortPart(order, from, place, keys, 1);
    from = place;
    before = head;
  }
  if (count - from > 1) sortPart(order, from, count, keys, 1);
  return order;
}

/** Whether all keys begin with the same byte, as those of one type do. */
function sharedByte({ bytes, starts, ends, count }: KeySpans): boolean {
  if (count === 0) return true;
  const first = bytes[starts[0]!];
  for (let index = 0; index < count; index++) {
    if (ends[index]! <= starts[index]! || bytes[starts[index]!] !== first) return false;
  }
  return true;
}

function sortPart(order: Uint32Array, from: number, to: number, keys: KeySpans, skip: number): void {
  const { bytes, starts, ends } = keys;
  order.subarray(from, to).sort((a, b) => {
    const endA = ends[a]!;
    const endB = ends[b]!;
    let at = starts[a]! + skip;
    for (let other = starts[b]! + skip; at < endA && other < endB; at++, other++) {
      const difference = bytes[at]! - bytes[other]!;
      if (difference !== 0) return difference;
    }
    return endA - starts[a]! - (endB - starts[b]!) || a - b;
  });
}
