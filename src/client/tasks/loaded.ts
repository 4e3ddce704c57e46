import type { TaskOptions } from "../options.ts";
import type { ModuleText } from "./hoist.ts";

/** A task with its code, ready to be sent. */
export interface LoadedTask {
  /** `site:FILE#ORDINAL`, or `export:NAME` for a plain function. */
  readonly entry: string;
  readonly title: string;
  readonly options: TaskOptions;
  /** Of a container. */
  readonly image?: string;
  /** It is a map-reduce. */
  readonly shuffle?: boolean;
  readonly bundle: { readonly cid: string; readonly code: Uint8Array };
}

/** Finds the code of a task; what a page cannot do. */
export type LoadTask = (task: unknown) => Promise<LoadedTask>;

export const isLoadedTask = (task: unknown): task is LoadedTask =>
  typeof task === "object" && task !== null && "entry" in task && "bundle" in task;

/** A task whose code is text that stands in no file: the export `job` of that module. */
export interface InlineTask {
  readonly inline: ModuleText;
  readonly options: TaskOptions;
}

export const isInlineTask = (task: unknown): task is InlineTask =>
  typeof task === "object" && task !== null && "inline" in task;
