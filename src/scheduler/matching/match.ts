import { type EnrolledWorker, imageAllowed, imageName, netAllows, serves } from "../../protocol/index.ts";
import type { Demand } from "../state/state.ts";

/** What is asked of a worker. */
export type Wishes = Pick<Demand, "needs" | "net" | "image" | "memoryBytes" | "project" | "signed">;

/**
 * Says what a worker lacks, such that "no connected worker …" becomes a sentence with it; undefined where
 * it lacks nothing. To match by something new, add one more of these.
 */
type Predicate = (wishes: Wishes, worker: EnrolledWorker) => string | undefined;

const MiB = 1024 * 1024;
const mebibytes = (bytes: number): string => `${Math.ceil(bytes / MiB)} MiB`;

const project: Predicate = (wishes, worker) =>
  serves(worker, wishes.project) ? undefined : `serves the project ${wishes.project}`;

const sandbox: Predicate = (_wishes, worker) => (worker.sandbox === "none" ? "has a sandbox" : undefined);

const platform: Predicate = ({ needs }, worker) =>
  needs.platform === undefined || needs.platform === worker.platform
    ? undefined
    : `runs on the platform ${needs.platform}`;

const arch: Predicate = ({ needs }, worker) =>
  needs.arch === undefined || needs.arch === worker.arch ? undefined : `has the architecture ${needs.arch}`;

const cores: Predicate = ({ needs }, worker) =>
  needs.cores === undefined || needs.cores <= worker.cores ? undefined : `has ${needs.cores} cores`;

const memory: Predicate = ({ needs, memoryBytes }, worker) => {
  const wanted = Math.max(needs.memoryBytes ?? 0, memoryBytes);
  return wanted <= worker.memoryBytes ? undefined : `has ${mebibytes(wanted)} of memory`;
};

const labels: Predicate = ({ needs }, worker) => {
  const missing = needs.labels?.find((label) => !worker.labels.includes(label));
  return missing === undefined ? undefined : `has the label ${missing}`;
};

const capabilities: Predicate = ({ needs }, worker) => {
  const missing = needs.capabilities?.find((capability) => !worker.capabilities.includes(capability));
  return missing === undefined ? undefined : `has the capability ${missing}`;
};

const net: Predicate = ({ net: hosts }, worker) => {
  const refused = hosts.find((host) => !netAllows(worker.allowNet, host));
  return refused === undefined ? undefined : `allows net access to ${refused}`;
};

const image: Predicate = ({ image: wanted }, { allowImages = [] }) =>
  wanted === undefined || imageAllowed(allowImages, wanted)
    ? undefined
    : `allows containers of ${imageName(wanted)}`;

const signature: Predicate = ({ signed }, worker) =>
  signed || worker.signedOnly !== true ? undefined : "runs code that no submitter of its project signed";

const predicates: readonly Predicate[] = [
  project,
  sandbox,
  platform,
  arch,
  cores,
  memory,
  labels,
  capabilities,
  net,
  image,
  signature,
];

/** The first thing that a worker lacks, or undefined where it can serve. */
export function lackOf(wishes: Wishes, worker: EnrolledWorker): string | undefined {
  for (const predicate of predicates) {
    const lack = predicate(wishes, worker);
    if (lack !== undefined) return lack;
  }
  return undefined;
}
