import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/*
 * Containers and systemd units bound a process by control groups. Version 2 has one tree of groups; version 1
 * a tree for each kind of resource. Within a container the path that the kernel names may be the host's, where
 * there is nothing: then the tree's root is the container's own group.
 */

/** Text of a file; undefined where there is none, or it is not for us. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** From a group up to the root of its tree, since the tightest of their bounds holds. */
function groupsOf(tree: string, path: string): readonly string[] {
  const groups = [tree];
  for (let at = path; at !== "/" && at !== "."; at = dirname(at)) groups.push(join(tree, at));
  return groups;
}

/** Processors that the file of version 2 grants: `"max 100000"` is all of them, `"150000 100000"` one and a half. */
function quotaOfMax(group: string): number {
  const [quota, period] = (textOf(join(group, "cpu.max")) ?? "").split(" ").map(Number);
  return quota! > 0 && period! > 0 ? quota! / period! : Number.POSITIVE_INFINITY;
}

/** The same of version 1, where -1 is all of them. */
function quotaOfCfs(group: string): number {
  const quota = Number(textOf(join(group, "cpu.cfs_quota_us")));
  const period = Number(textOf(join(group, "cpu.cfs_period_us")));
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

/**
 * How many processors' time this process's control groups let it use, such as 1.5; infinity where nothing bounds
 * it, and on systems without control groups.
 * @param root where /proc and /sys are
 */
export function processorQuota(root = "/"): number {
  let quota = Number.POSITIVE_INFINITY;
  for (const line of (textOf(join(root, "proc/self/cgroup")) ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers === "") {
      for (const group of groupsOf(join(root, "sys/fs/cgroup"), path)) {
        quota = Math.min(quota, quotaOfMax(group));
      }
    } else if (controllers.split(",").includes("cpu")) {
      for (const group of groupsOf(join(root, "sys/fs/cgroup", controllers), path)) {
        quota = Math.min(quota, quotaOfCfs(group));
      }
    }
  }
  return quota;
}
