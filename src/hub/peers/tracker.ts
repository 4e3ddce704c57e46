import type { Limits } from "../../protocol/index.ts";

export type TrackerLimits = Pick<
  Limits,
  | "neighbourSourcesMax"
  | "neighbourUploadsMax"
  | "neighbourTokenMs"
  | "neighbourRetryMs"
  | "neighbourAccusersMax"
  | "holdingsMax"
>;

/** One worker keeps one blob, or was sent to fetch it. */
interface Holding {
  readonly member: Member;
  readonly cid: string;
  /** It said so itself; else it is still fetching, until then at most. */
  readonly kept: boolean;
  readonly untilMs: number;
  /** How many hops away from somebody who keeps it. */
  readonly depth: number;
  /** Whom it was sent to. */
  readonly from: Member | undefined;
}

interface Member {
  readonly worker: string;
  /** Blobs that it keeps or fetches. */
  readonly blobs: Set<string>;
  /** Blobs that others fetch from it now. */
  load: number;
  /** Those that it is not sent to before some time. */
  readonly avoids: Map<string, number>;
  /** Those who complained of it, and until when that counts. */
  readonly accusers: Map<string, number>;
}

/** At most so many holders of a blob are looked at for one who asks. */
const LOOKED_AT_MAX = 64;

/**
 * Who keeps which blobs. It also remembers who was sent to fetch one, so that of many who want the same
 * blob at the same time only the first goes to the hub: the others wait for it, or for one who waits for
 * it, in a tree that is as flat as the load of its members allows.
 *
 * Pure: times come in with the calls (milliseconds of a clock that only rises).
 */
export class Tracker {
  readonly #limits: TrackerLimits;
  readonly #members = new Map<string, Member>();
  readonly #holders = new Map<string, Map<Member, Holding>>();
  /** Those that are fetched, the oldest first. */
  readonly #fetched = new Set<Holding>();
  readonly #reaches: (asker: string, holder: string) => boolean;
  #count = 0;

  /** @param reaches whether one worker can fetch from another */
  constructor(limits: TrackerLimits, reaches: (asker: string, holder: string) => boolean) {
    this.#limits = limits;
    this.#reaches = reaches;
  }

  /** Blobs of all workers together. */
  get count(): number {
    return this.#count;
  }

  /** A worker keeps a blob from now on. */
  hold(worker: string, cid: string): void {
    const member = this.#member(worker);
    this.#remove(member, cid);
    const untilMs = Number.POSITIVE_INFINITY;
    this.#insert({ member, cid, kept: true, untilMs, depth: 0, from: undefined });
  }

  /** A worker does not keep a blob any more. */
  drop(worker: string, cid: string): void {
    const member = this.#members.get(worker);
    if (member !== undefined) this.#remove(member, cid);
  }

  /** A worker is gone, with everything that it kept. */
  leave(worker: string): void {
    const member = this.#members.get(worker);
    if (member === undefined) return;
    for (const cid of [...member.blobs]) this.#remove(member, cid);
    this.#members.delete(worker);
  }

  /** Who keeps a blob. */
  holdersOf(cid: string): string[] {
    const holders: string[] = [];
    for (const [{ worker }, { kept }] of this.#holders.get(cid) ?? []) if (kept) holders.push(worker);
    return holders;
  }

  keeps(worker: string, cid: string): boolean {
    const member = this.#members.get(worker);
    return member !== undefined && this.#holders.get(cid)?.get(member)?.kept === true;
  }

  /** What a worker keeps. */
  *blobsOf(worker: string): Generator<string, void, undefined> {
    const member = this.#members.get(worker);
    for (const cid of member?.blobs ?? []) if (this.keeps(worker, cid)) yield cid;
  }

  /** How many workers complain of this one. */
  accusersOf(worker: string, nowMs: number): number {
    let count = 0;
    for (const untilMs of this.#members.get(worker)?.accusers.values() ?? []) if (untilMs > nowMs) count++;
    return count;
  }

  /** A worker complains of another, which it is not sent to for a while. */
  complain(worker: string, about: string, nowMs: number): void {
    const accused = this.#members.get(about);
    if (accused === undefined || worker === about) return;
    const untilMs = nowMs + this.#limits.neighbourRetryMs;
    for (const [complaints, other] of [
      [this.#member(worker).avoids, about],
      [accused.accusers, worker],
    ] as const) {
      for (const [name, endMs] of complaints) if (endMs <= nowMs) complaints.delete(name);
      complaints.set(other, untilMs);
    }
  }

  /**
   * Whom a worker is to fetch a blob from, the best first; nobody: from the hub.
   * @param serves whether others will be able to fetch it from this worker
   */
  locate(worker: string, cid: string, serves: boolean, nowMs: number): string[] {
    this.#forgetLate(nowMs);
    const asker = this.#member(worker);
    // Who asks again did not get it: whom it waited for may be waiting for it by now, so only those who
    // have it will do.
    const before = this.#holders.get(cid)?.get(asker);
    const again = before !== undefined && !before.kept;
    this.#remove(asker, cid);
    const sources = this.#sourcesFor(asker, cid, again, nowMs);
    const [best] = sources;
    const depth = best === undefined ? 1 : best.depth + 1;
    if (serves || best !== undefined) {
      const untilMs = nowMs + this.#limits.neighbourTokenMs;
      // Who serves nobody is entered for its source's load only; nobody reaches it.
      this.#insert({ member: asker, cid, kept: false, untilMs, depth, from: best?.member });
    }
    return sources.map(({ member }) => member.worker);
  }

  #sourcesFor(asker: Member, cid: string, keptOnly: boolean, nowMs: number) {
    const { neighbourSourcesMax, neighbourUploadsMax } = this.#limits;
    const found: { readonly member: Member; readonly depth: number; readonly cost: number }[] = [];
    let lookedAt = 0;
    for (const [member, { kept, depth }] of this.#holders.get(cid) ?? []) {
      if (++lookedAt > LOOKED_AT_MAX) break;
      if ((keptOnly && !kept) || member.load >= neighbourUploadsMax) continue;
      if ((asker.avoids.get(member.worker) ?? 0) > nowMs || this.#isShunned(member, nowMs)) continue;
      if (this.#reaches(asker.worker, member.worker))
        found.push({ member, depth, cost: depth + member.load });
    }
    found.sort((a, b) => a.cost - b.cost || a.depth - b.depth);
    const [best] = found;
    // One who is still fetching is no good as a second choice.
    return found.filter((source) => source === best || source.depth === 0).slice(0, neighbourSourcesMax);
  }

  #isShunned({ accusers }: Member, nowMs: number): boolean {
    if (accusers.size < this.#limits.neighbourAccusersMax) return false;
    for (const [accuser, untilMs] of accusers) if (untilMs <= nowMs) accusers.delete(accuser);
    return accusers.size >= this.#limits.neighbourAccusersMax;
  }

  #member(worker: string): Member {
    let member = this.#members.get(worker);
    if (member === undefined) {
      member = { worker, blobs: new Set(), load: 0, avoids: new Map(), accusers: new Map() };
      this.#members.set(worker, member);
    }
    return member;
  }

  #insert(holding: Holding): void {
    const { member, cid, kept } = holding;
    let holders = this.#holders.get(cid);
    if (holders === undefined) {
      holders = new Map();
      this.#holders.set(cid, holders);
    }
    holders.set(member, holding);
    member.blobs.add(cid);
    if (holding.from !== undefined) holding.from.load++;
    if (!kept) this.#fetched.add(holding);
    this.#count++;
    if (this.#count > this.#limits.holdingsMax) this.#forgetOldest();
  }

  /** Who was sent to fetch something and never said that it has it does not keep it. */
  #forgetLate(nowMs: number): void {
    for (const { member, cid, untilMs } of this.#fetched) {
      if (untilMs > nowMs) return;
      this.#remove(member, cid);
    }
  }

  #forgetOldest(): void {
    for (const [cid, holders] of this.#holders) {
      for (const member of holders.keys()) {
        this.#remove(member, cid);
        return;
      }
    }
  }

  #remove(member: Member, cid: string): void {
    const holders = this.#holders.get(cid);
    const holding = holders?.get(member);
    if (holders === undefined || holding === undefined) return;
    holders.delete(member);
    if (holders.size === 0) this.#holders.delete(cid);
    member.blobs.delete(cid);
    this.#fetched.delete(holding);
    if (holding.from !== undefined) holding.from.load--;
    this.#count--;
  }
}
