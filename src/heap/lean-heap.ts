import { setFlagsFromString } from "node:v8";

/*
 * Buffers are only freed when the young heap is full. Of what is transferred nearly all is garbage at once: that heap
 * would grow to 48 MB, let 70 MB of buffers pile up, and stay so. For everything else a heap with room takes less time.
 */

/** What V8 takes by itself. */
const GROWTH_FACTOR = 2;
/** What comes after a longer pause is something else. */
const LEAN_MS = 2000;

let growing: ReturnType<typeof setTimeout> | undefined;

const growBy = (factor: number): void => setFlagsFromString(`--semi-space-growth-factor=${factor}`);

/** Keeps the young heap small for as long as the program runs: one that transfers files and ends, or a worker of a small machine. */
export const keepHeapLean = (): void => growBy(1);

/** Does something that leaves much garbage, such as to load a hub's code or a worker's; then the young heap may grow. */
export async function withLeanHeap<T>(work: () => Promise<T>): Promise<T> {
  growBy(1);
  try {
    return await work();
  } finally {
    growBy(GROWTH_FACTOR);
  }
}

/**
 * Keeps the young heap small while blobs come, or are looked through; it may grow again after a while in which this
 * was not called.
 */
export function leanForNow(): void {
  if (growing !== undefined) {
    growing.refresh();
    return;
  }
  growBy(1);
  growing = setTimeout(() => {
    growing = undefined;
    growBy(GROWTH_FACTOR);
  }, LEAN_MS).unref();
}
