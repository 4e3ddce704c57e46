import { encode } from "cborg";
import { netAllows, type TaskSpec } from "../protocol/index.ts";
import { type Certificate, openCertificate, untrusted } from "./certificate.ts";
import { decodeList, isCount, isText, isTexts, openList, signList } from "./signed-list.ts";

/*
 * What a submitter signs of each submission: which code, which of its tasks, and what they need at most. The
 * proof of a task is its manifest with the certificate of the key that signed it; a worker checks it against the
 * root key in its invite before it fetches any code. The hub in between can change none of it.
 */

const MANIFEST_VERSION = 1;
const MANIFEST_DOMAIN = "musketeers manifest 1";
const ENTRIES_MAX = 256;
const HOSTS_MAX = 64;

/** What a task may ask of a machine. */
export interface CodeNeeds {
  /** Hosts, as in `TaskSpec.net`. */
  readonly net: readonly string[];
  readonly memoryBytes: number;
  readonly timeoutMs: number;
}

export interface Manifest extends CodeNeeds {
  /** CID of the code. */
  readonly bundle: string;
  readonly project: string;
  /** Tasks of the bundle, as in `TaskSpec.entry`. */
  readonly entries: readonly string[];
  /** Partitions of the shuffle whose stages these tasks are; 0: they are tasks by themselves. */
  readonly partitions: number;
}

/** What a worker knows of whoever wants to run code on it. */
export interface CodeChecks {
  /** The public root key of the project. */
  readonly rootKey: Uint8Array;
  readonly project: string;
  readonly nowMs: number;
}

/** A manifest that holds, and whose it is. */
export interface CheckedCode {
  readonly manifest: Manifest;
  readonly certificate: Certificate;
}

/** Signs a manifest; what comes is the proof that travels with the task. */
export function signManifest(
  manifest: Manifest,
  certificate: Uint8Array,
  submitterSecretKey: Uint8Array,
): Uint8Array {
  const { bundle, project, entries, net, memoryBytes, timeoutMs, partitions } = manifest;
  const signed = signList(
    [MANIFEST_VERSION, bundle, project, entries, net, memoryBytes, timeoutMs, partitions],
    MANIFEST_DOMAIN,
    submitterSecretKey,
  );
  // In Node it comes as a Buffer, whose `slice` does not copy.
  return new Uint8Array(encode([certificate, signed]));
}

/**
 * Checks the chain from a project's root key to a manifest.
 * @throws MusketeersError `UNTRUSTED_CODE` with the link that does not hold
 */
export function openProof(proof: Uint8Array, checks: CodeChecks): CheckedCode {
  const parts = decodeList(proof);
  const [certificateBytes, manifestBytes] = parts ?? [];
  if (
    parts?.length !== 2 ||
    !(certificateBytes instanceof Uint8Array) ||
    !(manifestBytes instanceof Uint8Array)
  ) {
    throw untrusted("Its proof is no certificate with a manifest");
  }
  const certificate = openCertificate(certificateBytes, checks.rootKey, checks.project, checks.nowMs);
  const fields = openList(manifestBytes, MANIFEST_DOMAIN, certificate.publicKey);
  if (fields === undefined) throw untrusted("Its manifest is not signed by the key of its certificate");
  const manifest = manifestOf(fields);
  if (manifest.project !== checks.project) {
    throw untrusted(
      `Its manifest is for ${manifest.project}, and this worker's project is ${checks.project}`,
    );
  }
  return { manifest, certificate };
}

function manifestOf(fields: readonly unknown[]): Manifest {
  const [version, bundle, project, entries, net, memoryBytes, timeoutMs, partitions] = fields;
  const isWhole =
    version === MANIFEST_VERSION &&
    isText(bundle, 128) &&
    isText(project, 256) &&
    isTexts(entries, ENTRIES_MAX, 1024) &&
    isTexts(net, HOSTS_MAX, 256) &&
    isCount(memoryBytes) &&
    isCount(timeoutMs) &&
    isCount(partitions);
  if (!isWhole) throw untrusted("Its manifest is of a form that this version does not know");
  return { bundle, project, entries, net, memoryBytes, timeoutMs, partitions };
}

/** How a task goes beyond its manifest; undefined where it keeps to it. */
export function excessOf(manifest: Manifest, task: Omit<TaskSpec, "title" | "proof">): string | undefined {
  if (task.bundle !== manifest.bundle) return "it names other code than its manifest";
  if (!manifest.entries.includes(task.entry)) return `its manifest has no task ${task.entry}`;
  const host = task.net.find((wish) => !netAllows(manifest.net, wish));
  if (host !== undefined) return `its manifest does not ask for ${host}`;
  if (task.memoryBytes > manifest.memoryBytes) return "its manifest asks for less memory";
  if (task.timeoutMs > manifest.timeoutMs) return "its manifest asks for less time";
  if ((task.stage?.partitions ?? 0) !== manifest.partitions)
    return "it is another stage than in its manifest";
  return undefined;
}

/**
 * Checks that the owner of a project let the submitter of a task in, that the submitter signed just this code, and
 * that the task asks for no more than was signed. Nothing here needs Node.
 * @throws MusketeersError `UNTRUSTED_CODE`
 */
export function checkTask(task: TaskSpec, checks: CodeChecks): CheckedCode {
  if (task.proof === undefined) throw untrusted("It is not signed by a submitter of this project");
  const checked = openProof(task.proof, checks);
  const excess = excessOf(checked.manifest, task);
  if (excess !== undefined) throw untrusted(`This is not what its submitter signed: ${excess}`);
  return checked;
}
