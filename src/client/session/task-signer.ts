import type { TaskSpec } from "../../protocol/index.ts";
import { type Invite, signManifest } from "../../security/index.ts";

/**
 * Signs a task as it will be submitted.
 * @param partitions of the shuffle that it is; 0: it is none
 */
export type SignTask = (task: TaskSpec, partitions: number) => TaskSpec;

/** Signs with the key that the project's owner put into an invite; without one, tasks stay as they are. */
export function taskSigner({ endorsement, project }: Pick<Invite, "endorsement" | "project">): SignTask {
  const signer = endorsement?.signer;
  if (signer === undefined) return (task) => task;
  return (task, partitions) => {
    const { bundle, entry, net, memoryBytes, timeoutMs } = task;
    const manifest = { bundle, project, entries: [entry], net, memoryBytes, timeoutMs, partitions };
    return { ...task, proof: signManifest(manifest, signer.certificate, signer.secretKey) };
  };
}
