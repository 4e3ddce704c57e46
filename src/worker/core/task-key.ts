import type { TaskSpec } from "../../protocol/index.ts";

let last: { readonly task: TaskSpec; readonly key: string } | undefined;

/** Tasks that share a pace and may share a sandbox. */
export function taskKey(task: TaskSpec): string {
  if (last?.task !== task) {
    const key = JSON.stringify([task.bundle, task.entry, task.timeoutMs, task.memoryBytes, task.net]);
    last = { task, key };
  }
  return last.key;
}
