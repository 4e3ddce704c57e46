/*
 * Which workers keep which folders. A folder that is wanted k times is to be whole on k workers; one that is
 * gone counts for a while, since most come back; nobody is told to let a folder go before enough others have it.
 */

/** A folder that somebody wants to be kept. */
export interface Wanted {
  readonly cid: string;
  readonly replicas: number;
  readonly bytes: number;
}

/** A connected worker that can keep folders. */
export interface Member {
  readonly worker: string;
  /** Folders that it was told to keep. */
  readonly told: ReadonlySet<string>;
  /** Folders that it keeps whole. */
  readonly whole: ReadonlySet<string>;
  /** Folders of which it keeps some blocks, and may have the last ones. */
  readonly partial: ReadonlySet<string>;
  /** Folders that it could not keep lately. */
  readonly refused: ReadonlySet<string>;
}

/** A worker that is gone and may come back. */
export interface Absent {
  readonly keeps: ReadonlySet<string>;
}

/**
 * Says for each worker what it is to keep.
 * @param perWorkerMax folders of one worker
 * @param isHeld whether blocks of a folder may be nowhere else: whoever has any of it keeps that, wanted or not, and
 *   nobody else is asked for what cannot be had
 * @returns a set for each member, in their order
 */
export function planReplicas(
  wanted: readonly Wanted[],
  members: readonly Member[],
  absent: readonly Absent[],
  perWorkerMax: number,
  isHeld: (cid: string) => boolean = () => false,
): readonly ReadonlySet<string>[] {
  const known = new Set(wanted.map(({ cid }) => cid));
  const plans = members.map(({ told, whole, partial, refused }) => {
    const held = [...new Set([...whole, ...told, ...partial])].filter(isHeld);
    const keeps = [...whole, ...told].filter((cid) => known.has(cid));
    return new Set([...held, ...keeps.filter((cid) => whole.has(cid) || !refused.has(cid))]);
  });
  const sizes = new Map(wanted.map(({ cid, bytes }) => [cid, bytes]));
  const loads = plans.map((plan) => [...plan].reduce((sum, cid) => sum + (sizes.get(cid) ?? 0), 0));
  for (const { cid, replicas, bytes } of wanted) {
    if (isHeld(cid)) continue;
    const away = absent.filter(({ keeps }) => keeps.has(cid)).length;
    const keepers = members.map((_, at) => at).filter((at) => plans[at]!.has(cid));
    for (let missing = replicas - away - keepers.length; missing > 0; missing--) {
      const free = members
        .map((_, at) => at)
        .filter(
          (at) => !plans[at]!.has(cid) && !members[at]!.refused.has(cid) && plans[at]!.size < perWorkerMax,
        )
        .sort((a, b) => loads[a]! - loads[b]! || a - b)[0];
      if (free === undefined) break;
      plans[free]!.add(cid);
      loads[free]! += bytes;
    }
    // Those who have it whole stay, those with least to keep first.
    const ranked = keepers.sort(
      (a, b) =>
        Number(members[b]!.whole.has(cid)) - Number(members[a]!.whole.has(cid)) ||
        loads[a]! - loads[b]! ||
        a - b,
    );
    const isSafe = ranked.slice(0, replicas).every((at) => members[at]!.whole.has(cid));
    if (!isSafe) continue;
    for (const at of ranked.slice(replicas)) {
      plans[at]!.delete(cid);
      loads[at]! -= bytes;
    }
  }
  return plans;
}
