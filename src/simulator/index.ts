/** Virtual clock, network, disks and volunteers around the real scheduler and worker core. */
export type * from "./types.ts";
