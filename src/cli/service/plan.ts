import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { configDirectory } from "../../client/node.ts";
import { defaultCacheDirectory, defaultDataDirectory, releasesDirectory } from "../files/data-directory.ts";
import type { Environment } from "../terminal.ts";
import { renderUnit, type ServiceKind } from "./unit.ts";

/** Where a worker that runs as a service finds its invites. */
export const inviteFile = (env: Environment): string =>
  join(configDirectory(env), "service", "worker.invite");

/** Of the environment only what says where things are. */
const carried = ["MUSKETEERS_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"];

export interface ServicePlan {
  readonly unit: string;
  /** Folders that have to be there. */
  readonly folders: readonly string[];
}

export interface PlanOptions {
  readonly kind: ServiceKind;
  /** Node, and the program. */
  readonly node: string;
  readonly program: string;
  /** What follows `join --invite-file FILE` or `up`. */
  readonly args: readonly string[];
  /** Where a worker's invites are. */
  readonly invites?: string;
  /** Where it keeps data, if that is said. */
  readonly data?: string;
  readonly description: string;
  readonly env: Environment;
}

/** The unit of a service, and what it needs to be there. */
export function planService(options: PlanOptions): ServicePlan {
  const { kind, node, program, args, data, description, env } = options;
  const own =
    kind === "worker"
      ? [data ?? defaultCacheDirectory(env), releasesDirectory(env), join(homedir(), ".npm")]
      : [data ?? defaultDataDirectory(env)];
  // Not the unit's private /tmp: an engine of containers, which is no part of it, has to find what tasks are given.
  const temporary = join(configDirectory(env), "service", "tmp");
  const folders = [...new Set([configDirectory(env), ...own, ...(kind === "worker" ? [temporary] : [])])];
  const environment: Record<string, string> = {
    // npm is beside Node, wherever that is.
    PATH: [...new Set([dirname(node), "/usr/local/bin", "/usr/bin", "/bin"])].join(":"),
    NO_COLOR: "1",
    ...(kind === "worker" ? { TMPDIR: temporary } : {}),
  };
  for (const name of carried) {
    const value = env[name];
    if (value !== undefined && value !== "") environment[name] = value;
  }
  const words =
    kind === "worker" ? ["join", "--invite-file", options.invites ?? inviteFile(env)] : ["up", "--quiet"];
  const command = [node, program, ...words, ...args];
  return { unit: renderUnit({ kind, description, command, environment, writable: folders }), folders };
}
