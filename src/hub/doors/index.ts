/** What stands at the hub's doors: how many may come in, and how much each may send. */
export { plainAddress } from "./addresses.ts";
export { Admission } from "./admission.ts";
export { Flow } from "./flow.ts";
export { acceptPerAddress } from "./per-address.ts";
export { UploadDoor } from "./upload-door.ts";
export { WorkerDoor } from "./worker-door.ts";
