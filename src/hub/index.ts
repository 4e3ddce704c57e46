/** The hub: the server that people submit to and workers connect to. */
export { checkData, type DataReport } from "../engine/index.ts";
export {
  type Backup,
  type BackupSummary,
  parseBackup,
  renderBackup,
  summaryOf,
  takeBackup,
} from "./backup.ts";
export { Hub } from "./hub.ts";
export type { HubOptions } from "./hub-options.ts";
export { lanAddress } from "./listen.ts";
export { startHub } from "./opening.ts";
export { type HubRepairReport, repairHubData } from "./repair.ts";
