import { imageAllowed, netAllows } from "../../protocol/index.ts";

/** What tasks want of a machine, or what its volunteer lets them have. */
export interface Asks {
  /** Hosts, as in `TaskSpec.net`. */
  readonly net: readonly string[];
  /** Of one task. 0 among what is granted: as much as the worker has; among what is asked: nothing special. */
  readonly memoryBytes: number;
  /** Of containers, with their digests; none where nothing is said. */
  readonly images?: readonly string[] | undefined;
}

export const noAsks: Asks = Object.freeze({ net: Object.freeze([]), memoryBytes: 0 });

/** Nothing of images where there is none. */
export const imagesIn = (images: readonly string[]): { readonly images?: readonly string[] } =>
  images.length === 0 ? {} : { images };

/** What is asked for and not granted; undefined where all is. */
export function missingOf(granted: Asks, asks: Asks): Asks | undefined {
  const net = asks.net.filter((host) => !netAllows(granted.net, host));
  const isBounded = granted.memoryBytes > 0 && asks.memoryBytes > granted.memoryBytes;
  const images = (asks.images ?? []).filter((image) => !imageAllowed(granted.images ?? [], image));
  if (net.length === 0 && !isBounded && images.length === 0) return undefined;
  return { net, memoryBytes: isBounded ? asks.memoryBytes : 0, ...imagesIn(images) };
}

/** What is granted when more was granted than before. */
export const together = (before: Asks, more: Asks): Asks => ({
  ...imagesIn([...new Set([...(before.images ?? []), ...(more.images ?? [])])]),
  net: [...new Set([...before.net, ...more.net])],
  memoryBytes: before.memoryBytes === 0 ? 0 : Math.max(before.memoryBytes, more.memoryBytes),
});
