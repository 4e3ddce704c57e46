/** Lends a browser tab; for pages of the hub. */

export type { TabPhase, TabRequest, TabState } from "./browser/state.ts";
export { type TabOptions, TabWorker } from "./browser/tab-worker.ts";
export type { Asks } from "./consent/asks.ts";
