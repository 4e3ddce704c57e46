import type { DatasetSummary, KeptMessage } from "../../protocol/index.ts";
import {
  afterAdoption,
  afterHearing,
  afterLoss,
  afterPublishing,
  type CatalogueMarks,
  isNews,
  mergeCatalogue,
  noMarks,
  putsAfter,
  Replicas,
  type Span,
  unheardBy,
  unsaidBy,
  Wholeness,
} from "../../scheduler/index.ts";
import { ViolationError } from "../checks/violation.ts";
import type { Session } from "../session.ts";
import type { Random } from "../types.ts";
import type { World } from "../world.ts";
import { type DatasetPlan, rowOf } from "./plan.ts";
import { Refill } from "./refill.ts";
import type { Catalogue } from "./shelf.ts";
import { toStock } from "./stock.ts";

/** As `src/hub/recovery/keepers.ts` has it. */
const CHANGES_TOGETHER_MS = 100;
const HEADER_BYTES = 100;
/** Virtual time 0, in milliseconds since 1970. */
const EPOCH_MS = 1;

/** The hub's disk, as far as it holds datasets. */
class HubDisk {
  readonly rows = new Map<string, DatasetSummary>();
  readonly blocks = new Set<string>();
  marks: CatalogueMarks = noMarks;
}

interface Told {
  readonly name: string;
  readonly cids: ReadonlySet<string>;
  /** What it is to let go, and may not have heard of yet. */
  readonly leaving: ReadonlySet<string>;
  readonly ordered: ReadonlySet<string>;
}

/** The hub's part: datasets, the catalogue that keepers have, replicas, and what is taken back when the disk was lost. */
export class Custody {
  readonly #world: World;
  readonly #later: (delayMs: number, then: () => void) => void;
  #disk = new HubDisk();
  #isUp = true;
  /** Which disk it is, as it was before some of it was lost. */
  generation = 0;
  #sessions = new Map<string, Session>();
  #holdings = new Map<string, Set<string>>();
  #replicas!: Replicas;
  #wholeness!: Wholeness;
  #refill!: Refill;
  /** By worker, what each keeper said last that it keeps whole, without what it was told to drop since. */
  #whole = new Map<string, Told>();
  #recalled = new Set<string>();
  #answered = false;
  #signed: Catalogue | undefined;
  #publishPlanned = false;
  #planToken = 0;
  /** Told that a worker has blocks, or has them no more. */
  onHoldings: (worker: string, blocks: readonly string[], kept: boolean) => void = () => {};

  /** @param later calls in so many milliseconds, unless the hub is dead by then */
  constructor(world: World, later: (delayMs: number, then: () => void) => void) {
    this.#world = world;
    this.#later = later;
    this.#begin();
  }

  get rows(): readonly DatasetSummary[] {
    return [...this.#disk.rows.values()];
  }

  /** Whether it is not known yet which datasets there are. */
  get isHearing(): boolean {
    return this.#disk.marks.hearing;
  }

  /** Of which times it does not know what was put and removed. */
  get unheard(): readonly Span[] {
    return unheardBy(this.#disk.marks);
  }

  has(block: string): boolean {
    return this.#disk.blocks.has(block);
  }

  isWhole(cid: string): boolean {
    return this.#world.archive.blocksOf(cid).every((block) => this.#disk.blocks.has(block));
  }

  // What clients do.

  put(plan: DatasetPlan): void {
    for (const block of plan.blocks) this.#disk.blocks.add(block);
    this.#disk.rows.set(plan.cid, rowOf(plan, Math.max(this.#wallMs, putsAfter(this.#disk.marks) + 1)));
    this.#wholeness.isNowWhole(plan.cid);
    this.#changed();
  }

  remove({ cid, blocks }: DatasetPlan): void {
    if (!this.#disk.rows.delete(cid)) return;
    for (const block of blocks) this.#disk.blocks.delete(block);
    this.#changed();
  }

  // What machines do.

  joined(session: Session): void {
    this.#sessions.set(session.worker, session);
    this.#holdings.set(session.worker, new Set());
    if (!session.machine.isTrusted) return;
    if (this.#disk.marks.recoveredAtMs > 0) {
      this.#recalled.add(session.worker);
      toStock(session, "recall", HEADER_BYTES, (stock) => stock.recalled());
    } else {
      this.#give(session);
    }
  }

  left({ worker }: Session): void {
    if (!this.#sessions.delete(worker)) return;
    this.#whole.delete(worker);
    this.#holdings.delete(worker);
    const owed = this.#recalled.delete(worker);
    // First: with what follows may come a plan, which must not count on it.
    this.#replicas.left(worker);
    this.#refill.left(worker);
    if (owed && this.isHearing) this.#heard();
  }

  kept(session: Session, message: KeptMessage): void {
    if (!session.machine.isTrusted || !this.#sessions.has(session.worker)) return;
    const { worker } = session;
    const { name } = session.description;
    const keep = (cids: readonly string[]) => {
      const { generation } = this;
      this.#checkOrder(worker, name, new Set(cids));
      toStock(session, "keep", HEADER_BYTES, (stock) => stock.keeps(cids, generation));
    };
    const { leaving = new Set<string>(), ordered = new Set<string>() } = this.#whole.get(worker) ?? {};
    const cids = new Set(message.cids.filter((cid) => !leaving.has(cid)));
    const still = new Set(message.cids.filter((cid) => leaving.has(cid)));
    this.#whole.set(worker, { name, cids, leaving: still, ordered });
    this.#replicas.kept({ worker, name, identity: name, keep }, message);
  }

  holds({ worker }: Session, added: readonly string[], dropped: readonly string[]): void {
    const held = this.#holdings.get(worker);
    if (held === undefined) return;
    for (const block of added) held.add(block);
    for (const block of dropped) held.delete(block);
    if (added.length > 0) this.onHoldings(worker, added, true);
    if (dropped.length > 0) this.onHoldings(worker, dropped, false);
    if (added.length > 0) this.#lookWhereUnsure();
  }

  catalogue({ worker }: Session, given: Catalogue | undefined): void {
    const session = this.#sessions.get(worker);
    if (session === undefined || !this.#recalled.delete(worker)) return;
    if (given !== undefined && isNews(this.#disk.marks, given)) this.#adopt(given);
    this.#answered = true;
    if (!this.isHearing) this.#give(session);
    this.#heard();
  }

  uploaded({ worker }: Session, call: number, blocks: readonly string[]): void {
    for (const block of blocks) this.#disk.blocks.add(block);
    this.#refill.answered(worker, call);
  }

  /** Workers that have a block. */
  holdersOf(block: string): string[] {
    return [...this.#holdings].filter(([, held]) => held.has(block)).map(([worker]) => worker);
  }

  holdingsOf(worker: string): ReadonlySet<string> {
    return this.#holdings.get(worker) ?? new Set();
  }

  // What happens to it.

  crash(): void {
    this.#isUp = false;
    this.#sessions = new Map();
    this.#holdings = new Map();
    this.#whole = new Map();
  }

  /** The hub's disk is gone; it will begin with the marks of a hub that is told so. @returns when that was, for it */
  lose(): number {
    this.generation++;
    this.#disk = new HubDisk();
    this.#disk.marks = afterLoss(noMarks, this.#wallMs);
    return this.#disk.marks.recoveredAtMs;
  }

  /** Some blocks turn out to be damaged: now where somebody reads them, or when it starts again. */
  damage(random: Random): void {
    this.generation++;
    for (const block of [...this.#disk.blocks]) if (random.chance(0.3)) this.#disk.blocks.delete(block);
    if (!this.#isUp) return;
    this.#wholeness.doubt();
    this.#lookWhereUnsure();
  }

  restart(): void {
    this.#isUp = true;
    this.#begin();
    if (!this.isHearing && this.#disk.rows.size > 0) this.#changed();
    this.#lookWhereUnsure();
  }

  // How it works.

  get #wallMs(): number {
    return EPOCH_MS + this.#world.queue.nowMs;
  }

  #begin(): void {
    const { limits, queue } = this.#world;
    this.#recalled = new Set();
    this.#answered = false;
    this.#signed = undefined;
    this.#publishPlanned = false;
    this.#wholeness = new Wholeness(() => this.rows.map(({ cid }) => cid));
    this.#replicas = new Replicas({
      limits,
      nowMs: () => queue.nowMs,
      planIn: (delayMs) => this.#planIn(delayMs),
      datasets: () => this.rows,
      isReady: () => !this.isHearing,
      mayLearn: () => this.#disk.marks.recoveredAtMs > 0,
      held: () => this.#wholeness.held(),
      isOwing: (worker) => this.#recalled.has(worker),
    });
    this.#refill = new Refill({
      blocksMax: limits.uploadBlocksMax,
      lookAfterMs: limits.recoveryIntervalMs,
      retryMs: limits.replicaRetryMs,
      idleMs: limits.httpIdleMs,
      later: this.#later,
      missing: () => this.#wholeness.unsure().flatMap((cid) => this.#missingOf(cid)),
      holdersOf: (block) =>
        this.holdersOf(block).filter((worker) => this.#sessions.get(worker)?.machine.isTrusted),
      ask: (worker, call, blocks) => {
        const session = this.#sessions.get(worker);
        if (session !== undefined)
          toStock(session, "upload", HEADER_BYTES, (stock) => stock.uploads(call, blocks));
      },
      looked: () => this.#looked(),
    });
  }

  #planIn(delayMs: number | undefined): void {
    const token = ++this.#planToken;
    if (delayMs === undefined) return;
    this.#later(delayMs, () => {
      if (this.#planToken === token) this.#replicas.plan();
    });
  }

  /** No keeper may be told to let a copy go that is wanted. @throws ViolationError */
  #checkOrder(worker: string, name: string, cids: ReadonlySet<string>): void {
    const told = this.#whole.get(worker);
    if (told === undefined) return;
    // Of each name the one that came last.
    const byName = new Map(Array.from(this.#whole.values(), (one) => [one.name, one]));
    const copiesOf = (cid: string) => [...byName.values()].filter((one) => one.cids.has(cid)).length;
    const given = this.rows.filter(({ cid }) => told.cids.has(cid) && !cids.has(cid));
    for (const { cid, replicas } of given) {
      if (copiesOf(cid) > replicas) continue;
      throw new ViolationError("correctness", `${name} is to drop one of ${copiesOf(cid)} copies of ${cid}`);
    }
    const kept = new Set([...told.cids].filter((cid) => cids.has(cid)));
    const leaving = new Set([...told.leaving, ...told.ordered, ...told.cids].filter((cid) => !cids.has(cid)));
    this.#whole.set(worker, { name, cids: kept, leaving, ordered: cids });
  }

  #missingOf(cid: string): string[] {
    return this.#world.archive.blocksOf(cid).filter((block) => !this.#disk.blocks.has(block));
  }

  #adopt(given: Catalogue): void {
    this.#world.curator.adopted(given.sequence);
    const { rows, marks } = this.#disk;
    const { removed, taken } = mergeCatalogue(this.rows, this.unheard, given.datasets, unsaidBy(given));
    for (const name of removed) rows.delete(name);
    for (const row of taken) rows.set(row.name, row);
    this.#disk.marks = afterAdoption(marks, given);
    this.#wholeness.doubt();
    // Whoever has the catalogue of after the loss is to hear of what that did not name.
    this.#publishSoon();
  }

  /** Somebody has answered, or will not. As long as others are still to answer there may be more to come. */
  #heard(): void {
    if (this.isHearing && this.#answered && this.#recalled.size === 0) {
      this.#disk.marks = afterHearing(this.#disk.marks);
      this.#publish();
    }
    this.#replicas.plan();
    this.#lookWhereUnsure();
  }

  #lookWhereUnsure(): void {
    if (this.#wholeness.unsure().length > 0) this.#refill.look();
  }

  #looked(): void {
    const missing = this.#wholeness.unsure().map((cid) => [cid, this.#missingOf(cid).length] as const);
    this.#wholeness.looked(new Map(missing), this.#wallMs);
    this.#replicas.plan();
  }

  #changed(): void {
    this.#replicas.plan();
    this.#lookWhereUnsure();
    this.#publishSoon();
  }

  #publishSoon(): void {
    if (this.#publishPlanned) return;
    this.#publishPlanned = true;
    this.#later(CHANGES_TOGETHER_MS, () => {
      this.#publishPlanned = false;
      this.#publish();
    });
  }

  #publish(): void {
    if (this.isHearing) return;
    this.#disk.marks = afterPublishing(this.#disk.marks, this.#wallMs);
    this.#signed = undefined;
    for (const session of this.#sessions.values()) {
      if (session.machine.isTrusted && !this.#recalled.has(session.worker)) this.#give(session);
    }
  }

  #give(session: Session): void {
    const { sequence, unheard } = this.#disk.marks;
    if (sequence === 0) return;
    this.#signed ??= { sequence, unheard, datasets: this.rows };
    const signed = this.#signed;
    toStock(session, "catalogue", HEADER_BYTES, (stock) => stock.entrusted(signed));
  }
}
