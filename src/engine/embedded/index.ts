/** The default adapter: files in a directory, no native dependency. */
export { checkData, type DataReport, type RepairReport, repairData } from "./care.ts";
export { type EmbeddedEngine, embeddedEngine } from "./embedded-engine.ts";
export type { Durability } from "./journal.ts";
export type { Recovery } from "./recovery.ts";
export { exportRegistry, importRegistry } from "./registry-copy.ts";
