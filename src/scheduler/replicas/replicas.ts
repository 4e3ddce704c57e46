import type { DatasetSummary, KeptMessage, Limits } from "../../protocol/index.ts";
import { planReplicas, type Wanted } from "./plan.ts";
import { UnknownFolders } from "./unknown-folders.ts";

/** A connected worker, as far as it keeps folders. */
export interface ReplicaHost {
  readonly worker: string;
  /** For people. */
  readonly name: string;
  /** Tells it from all others, and is the same when it comes back under another id. */
  readonly identity: string;
  /** Tells it what to keep, all of it. */
  keep(cids: readonly string[]): void;
}

interface Member {
  readonly host: ReplicaHost;
  told: ReadonlySet<string>;
  whole: ReadonlySet<string>;
  partial: ReadonlySet<string>;
  /** What it was told to let go, and has not said yet that it has. */
  leaving: ReadonlySet<string>;
  readonly refusedUntilMs: Map<string, number>;
}

export interface ReplicasOptions {
  readonly limits: Pick<
    Limits,
    "replicasPerWorkerMax" | "replicaGraceMs" | "unknownReplicaGraceMs" | "replicaRetryMs"
  >;
  readonly nowMs: () => number;
  /** Calls `plan` in so many milliseconds; replaces the call before. Undefined: nobody needs it. */
  readonly planIn: (delayMs: number | undefined) => void;
  readonly datasets: () => readonly DatasetSummary[];
  /** While the hub does not know its datasets nobody is told to let anything go. */
  readonly isReady: () => boolean;
  /** Which folders are to stay where they are, because blocks of them may be nowhere else; see `Wholeness`. */
  readonly held: () => (cid: string) => boolean;
  /** Somebody who is away may know of datasets that the hub does not, because its disk was lost. */
  readonly mayLearn: () => boolean;
  /** One that may know of datasets that the hub does not is told nothing until it has said so. */
  readonly isOwing?: (worker: string) => boolean;
}

/** Where a dataset is kept, besides the hub. */
export interface KeptBy {
  readonly worker: string;
  /** It has all of it. */
  readonly whole: boolean;
}

/**
 * Keeps datasets on as many trusted workers as they want, and finds others when some leave for good. Reads no
 * clock and sets no timer: the hub and the simulator give it theirs.
 */
export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #members = new Map<string, Member>();
  /** By identity, since a worker that comes back has another id. */
  readonly #absent = new Map<string, { readonly keeps: ReadonlySet<string>; readonly untilMs: number }>();

  readonly #unknown: UnknownFolders;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    this.#unknown = new UnknownFolders(options.limits.unknownReplicaGraceMs);
  }

  /** A worker says what it keeps; with the first such word it is one of those who may be asked to. */
  kept(host: ReplicaHost, { cids, partial, refused }: KeptMessage): void {
    const untilMs = this.#options.nowMs() + this.#options.limits.replicaRetryMs;
    let member = this.#members.get(host.worker);
    if (member === undefined) {
      const none = new Set<string>();
      member = { host, told: none, whole: none, partial: none, leaving: none, refusedUntilMs: new Map() };
      this.#members.set(host.worker, member);
      this.#absent.delete(host.identity);
    }
    const { leaving } = member;
    member.whole = new Set(cids);
    member.partial = new Set(partial.filter((cid) => !leaving.has(cid)));
    member.leaving = new Set(cids.filter((cid) => leaving.has(cid)));
    for (const cid of cids) member.refusedUntilMs.delete(cid);
    for (const cid of refused) member.refusedUntilMs.set(cid, untilMs);
    this.plan();
  }

  left(worker: string): void {
    const member = this.#members.get(worker);
    if (member === undefined) return;
    this.#members.delete(worker);
    const untilMs = this.#options.nowMs() + this.#options.limits.replicaGraceMs;
    // It is here again, and only its old connection is gone.
    if ([...this.#members.values()].some(({ host }) => host.identity === member.host.identity)) {
      this.plan();
      return;
    }
    // What it was only fetching somebody else may as well fetch.
    const keeps = keptOf(member);
    if (keeps.size > 0) this.#absent.set(member.host.identity, { keeps, untilMs });
    this.plan();
  }

  /** Where a folder is kept: workers by name. */
  keptBy(cid: string): readonly KeptBy[] {
    return [...this.#members.values()]
      .filter(({ told, whole }) => told.has(cid) || whole.has(cid))
      .map(({ host, whole }) => ({ worker: host.name, whole: whole.has(cid) }))
      .sort((a, b) => (a.worker < b.worker ? -1 : 1));
  }

  /** What an operator should know: which datasets nobody can be found for. */
  warnings(): readonly string[] {
    if (!this.#options.isReady()) return [];
    const away = [...this.#absent.values()];
    const isHeld = this.#options.held();
    const wanted = this.#options.datasets().filter(({ cid }) => !isHeld(cid));
    const short = wanted.filter(({ cid, replicas }) => {
      const found = this.keptBy(cid).length + away.filter(({ keeps }) => keeps.has(cid)).length;
      return found < replicas;
    });
    const [first] = short;
    if (first === undefined) return [];
    const others = short.length === 1 ? "" : ` and ${short.length - 1} more`;
    return [
      `Dataset ${first.name}${others}: no more workers are there to keep replicas (join --trust, with space for a cache)`,
    ];
  }

  /** Looks at everything again, and tells those for whom something changed. */
  plan(): void {
    this.#options.planIn(undefined);
    if (!this.#options.isReady()) return;
    const nowMs = this.#options.nowMs();
    this.#forgetPast(nowMs);
    const members = [...this.#distinct()];
    const isHeld = this.#held(members, nowMs);
    const owing = members.filter(({ host }) => this.#isOwing(host));
    const asked = members.filter(({ host }) => !this.#isOwing(host));
    const plans = planReplicas(
      this.#wanted(),
      asked.map((member) => {
        const { host, told, whole, partial, leaving, refusedUntilMs } = member;
        // What it is letting go it is asked for again only when it is gone.
        const refused = new Set([...refusedUntilMs.keys(), ...[...leaving].filter((cid) => whole.has(cid))]);
        return { worker: host.worker, told, whole: keptOf(member), partial, refused };
      }),
      [...this.#absent.values(), ...owing.map((member) => ({ keeps: keptOf(member) }))],
      this.#options.limits.replicasPerWorkerMax,
      isHeld,
    );
    for (const [at, member] of asked.entries()) this.#tell(member, plans[at]!);
    this.#planLater(nowMs);
  }

  /** Which folders are to stay where they are: blocks of them may be nowhere else, or a catalogue may still name them. */
  #held(members: readonly Member[], nowMs: number): (cid: string) => boolean {
    const isHeld = this.#options.held();
    if (!this.#options.mayLearn()) return isHeld;
    const named = new Set(this.#options.datasets().map(({ cid }) => cid));
    this.#unknown.look(members, named, nowMs);
    return (cid) => isHeld(cid) || this.#unknown.isInGrace(cid, nowMs);
  }

  #isOwing({ worker }: ReplicaHost): boolean {
    return this.#options.isOwing?.(worker) === true;
  }

  /**
   * Of each identity the one that came last: a worker that comes back before the hub has noticed that it was gone is
   * there twice for a while, and has its copies once.
   */
  #distinct(): Iterable<Member> {
    return new Map(Array.from(this.#members.values(), (member) => [member.host.identity, member])).values();
  }

  #tell(member: Member, plan: ReadonlySet<string>): void {
    const { told, whole, leaving } = member;
    const isNews = plan.size !== told.size || [...plan].some((cid) => !told.has(cid));
    const isSurplus = [...whole].some((cid) => !plan.has(cid) && !told.has(cid));
    member.told = plan;
    if (!isNews && !isSurplus) return;
    member.leaving = new Set([...leaving, ...told, ...whole].filter((cid) => !plan.has(cid)));
    member.host.keep([...plan]);
  }

  /** Folders by CID: two names may stand for the same one. */
  #wanted(): Wanted[] {
    const byCid = new Map<string, Wanted>();
    for (const { cid, replicas, bytes } of this.#options.datasets()) {
      if (replicas <= (byCid.get(cid)?.replicas ?? 0)) continue;
      byCid.set(cid, { cid, replicas, bytes });
    }
    return [...byCid.values()];
  }

  #forgetPast(nowMs: number): void {
    for (const [gone, { untilMs }] of this.#absent) if (untilMs <= nowMs) this.#absent.delete(gone);
    for (const { refusedUntilMs } of this.#members.values()) {
      for (const [cid, untilMs] of refusedUntilMs) if (untilMs <= nowMs) refusedUntilMs.delete(cid);
    }
  }

  /** When somebody is given up, or may be asked again. */
  #planLater(nowMs: number): void {
    const times = [...this.#absent.values()].map(({ untilMs }) => untilMs);
    for (const { refusedUntilMs } of this.#members.values()) times.push(...refusedUntilMs.values());
    times.push(...this.#unknown.ends(nowMs));
    if (times.length === 0) return;
    this.#options.planIn(Math.max(1, Math.min(...times) - nowMs));
  }
}

/** What it keeps and is to keep: it may have said that it keeps a folder before it heard that it is to let that go. */
const keptOf = ({ whole, leaving }: Member): ReadonlySet<string> =>
  new Set([...whole].filter((cid) => !leaving.has(cid)));
