import { homedir } from "node:os";
import { join } from "node:path";
import type { Environment } from "../terminal.ts";

/** Where a hub keeps its data where nothing is said; by the XDG base directory specification. */
export function defaultDataDirectory(env: Environment): string {
  if (env.MUSKETEERS_HOME) return join(env.MUSKETEERS_HOME, "hub");
  return join(env.XDG_DATA_HOME || join(homedir(), ".local", "share"), "musketeers", "hub");
}

/** Where workers keep blobs that their tasks read, unless they are told otherwise. */
export function defaultCacheDirectory(env: Environment): string {
  if (env.MUSKETEERS_HOME) return join(env.MUSKETEERS_HOME, "cache");
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "musketeers");
}

/** Where workers that follow their hub's version keep the releases that they fetched. */
export function releasesDirectory(env: Environment): string {
  if (env.MUSKETEERS_HOME) return join(env.MUSKETEERS_HOME, "releases");
  return join(env.XDG_DATA_HOME || join(homedir(), ".local", "share"), "musketeers", "releases");
}
