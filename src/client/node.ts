/** What the command line needs besides the face: profiles, and tasks from files. */
export { bodyOf, type HubAnswer, type HubFetch } from "../data/index.ts";
export { movingBuffers } from "../data/node.ts";
export { fetchWith } from "../link/node.ts";
export { cidOfContent, cidOfPath } from "./datasets/cid-of-path.ts";
export { type SavedFile, type SaveOptions, saveFile, saveFolder } from "./datasets/save.ts";
export { isFolder, listPath, readPath } from "./datasets/source-path.ts";
export { loadMachineKey, machineKeyFile } from "./profile/machine-key.ts";
export {
  configDirectory,
  findInvite,
  type Profile,
  type Profiles,
  readProfiles,
  removeProfile,
  writeProfile,
} from "./profile/profile.ts";
export {
  findProjectKey,
  installProjectKeys,
  loadOrCreateProjectKey,
  ownedProjectKeys,
  projectKeyFile,
} from "./profile/project-keys.ts";
export { type Bundle, bundleSource } from "./tasks/bundle.ts";
export { loadTask } from "./tasks/load-task.ts";
