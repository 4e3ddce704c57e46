/** The port for what must survive, and its adapters. */
export {
  checkData,
  type DataReport,
  type Durability,
  type EmbeddedEngine,
  embeddedEngine,
  exportRegistry,
  importRegistry,
  type Recovery,
  type RepairReport,
  repairData,
} from "./embedded/index.ts";
export { memoryEngine } from "./memory/index.ts";
export * from "./port.ts";
export type { RegistryRow } from "./registry-table.ts";
