/** The hub: the server that people submit to and workers connect to. */
export { checkData, type DataReport } from "../engine/index.ts";
export { lanAddress } from "./http/listen.ts";
export { Hub } from "./hub.ts";
export {
  type Backup,
  type BackupSummary,
  parseBackup,
  renderBackup,
  summaryOf,
  takeBackup,
} from "./opening/backup.ts";
export type { HubOptions } from "./opening/hub-options.ts";
export { startHub } from "./opening/opening.ts";
export { type HubRepairReport, repairHubData } from "./opening/repair.ts";
