import { setFlagsFromString } from "node:v8";

/**
 * Keeps the part of the heap small where everything begins. Of a transfer nearly all is garbage at once, and
 * buffers are only freed when that part is full: it would grow to 48 MB and let 70 MB of them pile up.
 */
export const keepHeapLean = (): void => setFlagsFromString("--semi-space-growth-factor=1");

/** Does something that leaves much garbage, such as to load a hub's code; then the heap may grow. */
export async function withLeanHeap<T>(work: () => Promise<T>): Promise<T> {
  keepHeapLean();
  try {
    return await work();
  } finally {
    setFlagsFromString("--semi-space-growth-factor=2");
  }
}
