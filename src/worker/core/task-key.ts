import type { TaskSpec } from "../../protocol/index.ts";

let last: { readonly task: TaskSpec; readonly key: string } | undefined;

/** Tasks that share a pace and may share a sandbox. */
export function taskKey(task: TaskSpec): string {
  if (last?.task !== task) {
    const { bundle, entry, timeoutMs, memoryBytes, net, stage } = task;
    const key = JSON.stringify([bundle, entry, timeoutMs, memoryBytes, net, stage?.kind, stage?.partitions]);
    last = { task, key };
  }
  return last.key;
}
