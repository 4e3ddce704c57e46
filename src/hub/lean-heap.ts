import { setFlagsFromString } from "node:v8";

/** By how much an engine lets the part of the heap grow where everything begins, unless it is told otherwise. */
const GROWTH_FACTOR = 2;
/** What goes on after a longer pause is something else. */
const LEAN_MS = 2000;

let growing: ReturnType<typeof setTimeout> | undefined;

const growBy = (factor: number): void => setFlagsFromString(`--semi-space-growth-factor=${factor}`);

/**
 * Keeps the part of the heap small where everything begins while blobs come, or are looked through: of these nearly all
 * is garbage at once, and that part would grow to 50 MB and stay so. For everything else a heap with room takes less
 * time, so that it may grow again after a while in which this was not called.
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
