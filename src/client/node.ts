/** What the command line needs besides the face: profiles, and tasks from files. */
export { bodyOf, type HubAnswer, type HubFetch } from "../data/index.ts";
export { movingBuffers } from "../data/node.ts";
export { fetchWith } from "../link/node.ts";
export { type Bundle, bundleSource } from "./bundle.ts";
export { cidOfContent, cidOfPath } from "./cid-of-path.ts";
export { loadTask } from "./load-task.ts";
export { loadMachineKey, machineKeyFile } from "./machine-key.ts";
export {
  configDirectory,
  findInvite,
  type Profile,
  type Profiles,
  readProfiles,
  removeProfile,
  writeProfile,
} from "./profile.ts";
export { findProjectKey, loadOrCreateProjectKey, projectKeyFile } from "./project-keys.ts";
export { type SavedFile, type SaveOptions, saveFile, saveFolder } from "./save.ts";
export { isFolder, listPath, readPath } from "./source-path.ts";
