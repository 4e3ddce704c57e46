/** Lends a browser tab; for pages of the hub. */

export type { TabPhase, TabRequest, TabState, TabTask, TabUnit } from "./browser/state.ts";
export { type TabOptions, type TabRules, TabWorker } from "./browser/tab-worker.ts";
export type { Asks } from "./consent/asks.ts";
