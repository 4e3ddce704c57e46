import type { QuorumSpec } from "../../protocol/index.ts";
import type { Vote } from "../state/trust-state.ts";
import type { PersonId } from "../types.ts";

export type Decision =
  | { readonly type: "accept"; readonly digest: string }
  /** Enough people were asked, and they do not agree. */
  | { readonly type: "dispute" }
  | { readonly type: "open" };

const open: Decision = { type: "open" };

/** Votes at which an input is given up whoever gave them, by how many proven people may be asked. */
const TOTAL_FACTOR = 2;

/**
 * Counts the votes: an answer holds that enough different people gave, one of whom is proven. Two newcomers
 * never confirm each other, however many of them agree.
 */
export function decide(
  votes: readonly Vote[],
  { agree, of }: QuorumSpec,
  isProven: (person: PersonId) => boolean,
): Decision {
  const trusted = votes.find(({ isTrusted }) => isTrusted);
  if (trusted !== undefined) return { type: "accept", digest: trusted.digest };
  const tally = new Map<string, { count: number; proven: boolean }>();
  let proven = 0;
  for (const { digest, person } of votes) {
    const group = tally.get(digest) ?? { count: 0, proven: false };
    tally.set(digest, group);
    group.count++;
    if (!isProven(person)) continue;
    group.proven = true;
    proven++;
  }
  let best: string | undefined;
  let most = agree - 1;
  for (const [digest, group] of tally) {
    if (!group.proven || group.count <= most) continue;
    best = digest;
    most = group.count;
  }
  if (best !== undefined) return { type: "accept", digest: best };
  return proven >= of || votes.length >= TOTAL_FACTOR * of ? { type: "dispute" } : open;
}

/** Whether only a proven person's vote can help. */
export const needsProven = (
  votes: readonly Vote[],
  { of }: QuorumSpec,
  isProven: (person: PersonId) => boolean,
): boolean => votes.length >= of || !votes.some(({ person }) => isProven(person));
