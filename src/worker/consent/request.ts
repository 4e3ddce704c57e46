import { crc32 } from "../../protocol/index.ts";
import type { Invite } from "../../security/index.ts";

/** What some code of a project asks for beyond what was granted; `of` is the project's id. */
export interface ConsentRequest {
  readonly id: string;
  readonly of: string;
  readonly project: string;
  readonly hub: string;
  readonly task: string;
  readonly submitter: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly net: string[];
  readonly memoryBytes: number;
  /** Of a container; then `net` is all that it would have of the network. */
  readonly images?: readonly string[] | undefined;
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** What a project is known by: its root key; of one without, the hub that speaks for it, and its name. */
export const projectIdOf = ({ endorsement, hubKey, project }: Invite): string =>
  endorsement === undefined
    ? `hub ${hex(hubKey)} ${project}`
    : `root ${hex(endorsement.projectKey)} ${project}`;

/** The same request has the same id, whoever asks how often. */
export function requestId({
  of,
  submitter,
  net,
  memoryBytes,
  images = [],
}: Omit<ConsentRequest, "id">): string {
  const text = JSON.stringify([of, submitter, [...net].sort(), memoryBytes, ...images]);
  return crc32(new TextEncoder().encode(text)).toString(16).padStart(8, "0");
}
