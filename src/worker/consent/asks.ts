import { netAllows } from "../../protocol/index.ts";

/** What tasks want of a machine, or what its volunteer lets them have. */
export interface Asks {
  /** Hosts, as in `TaskSpec.net`. */
  readonly net: readonly string[];
  /** Of one task. 0 among what is granted: as much as the worker has; among what is asked: nothing special. */
  readonly memoryBytes: number;
}

export const noAsks: Asks = Object.freeze({ net: Object.freeze([]), memoryBytes: 0 });

/** What is asked for and not granted; undefined where all is. */
export function missingOf(granted: Asks, asks: Asks): Asks | undefined {
  const net = asks.net.filter((host) => !netAllows(granted.net, host));
  const isBounded = granted.memoryBytes > 0 && asks.memoryBytes > granted.memoryBytes;
  if (net.length === 0 && !isBounded) return undefined;
  return { net, memoryBytes: isBounded ? asks.memoryBytes : 0 };
}

/** What is granted when more was granted than before. */
export const together = (before: Asks, more: Asks): Asks => ({
  net: [...new Set([...before.net, ...more.net])],
  memoryBytes: before.memoryBytes === 0 ? 0 : Math.max(before.memoryBytes, more.memoryBytes),
});
