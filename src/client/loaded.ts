import type { TaskOptions } from "./options.ts";

/** A task with its code, ready to be sent. */
export interface LoadedTask {
  /** `site:FILE#ORDINAL`, or `export:NAME` for a plain function. */
  readonly entry: string;
  readonly title: string;
  readonly options: TaskOptions;
  readonly bundle: { readonly cid: string; readonly code: Uint8Array };
}

/** Finds the code of a task; what a page cannot do. */
export type LoadTask = (task: unknown) => Promise<LoadedTask>;

export const isLoadedTask = (task: unknown): task is LoadedTask =>
  typeof task === "object" && task !== null && "entry" in task && "bundle" in task;
