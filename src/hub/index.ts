/** The hub: the server that people submit to and workers connect to. */
export { Hub, type HubOptions, lanAddress, startHub } from "./hub.ts";
