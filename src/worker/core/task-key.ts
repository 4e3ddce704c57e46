import type { TaskSpec } from "../../protocol/index.ts";

let last: { readonly task: TaskSpec; readonly key: string } | undefined;

const latin1 = new TextDecoder("latin1");

/** Tasks that share a pace and may share a sandbox: the same code with the same rights, signed by the same submitter. */
export function taskKey(task: TaskSpec): string {
  if (last?.task !== task) {
    const { bundle, entry, timeoutMs, memoryBytes, net, stage, proof } = task;
    const signed = proof === undefined ? "" : latin1.decode(proof);
    const key = JSON.stringify([
      bundle,
      entry,
      timeoutMs,
      memoryBytes,
      net,
      stage?.kind,
      stage?.partitions,
      signed,
    ]);
    last = { task, key };
  }
  return last.key;
}
