import { createHash } from "node:crypto";
import { answerDigest } from "../../data/index.ts";
import { decodeFailure, eachRecord, type FailureMark } from "../../protocol/index.ts";

const DIGEST_BYTES = 16;

const digestOf = (...parts: readonly (Uint8Array | string)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, DIGEST_BYTES).toString("base64url");
};

/**
 * What the answers in a block are compared by: values by their bytes, which are canonical; failures by what was
 * thrown, since stacks differ from machine to machine.
 */
export function digestsOf(block: Uint8Array, failures: readonly FailureMark[]): string[] {
  const digests: string[] = [];
  let mark = 0;
  for (const record of eachRecord(block)) {
    if (failures[mark]?.at !== digests.length) {
      digests.push(answerDigest(record));
      continue;
    }
    mark++;
    digests.push(failureDigest(record));
  }
  return digests;
}

function failureDigest(record: Uint8Array): string {
  try {
    const { kind, name, message } = decodeFailure(record);
    return digestOf("failure ", JSON.stringify([kind, name, message]));
  } catch {
    // Not what a worker of ours would send: it agrees with its own like.
    return digestOf("garbage ", record);
  }
}
