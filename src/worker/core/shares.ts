/*
 * Who of several hubs gets a slot that is free. Start-time fair queueing over slot time (Goyal, Vin and Cheng,
 * 1996): each hub has a clock that runs at the pace of the slots that it has, divided by its weight; the slot
 * goes to the hub whose clock is furthest behind. As in anticipatory scheduling (Iyer and Druschel, 2001) a
 * slot is kept for a little while for the hub that it was used by, since its next unit is usually on its way;
 * that time counts as used.
 */

export interface SharesConfig {
  readonly slots: number;
  /** One for each hub, in their order; only their ratios matter. */
  readonly weights: readonly number[];
  /** How long a slot is kept for a hub's next unit at most, and how long a hub counts as busy after its last. */
  readonly waitMs: number;
  /** Slot time that a hub may catch up on others at most. */
  readonly lagMs: number;
}

/** What a hub has at a worker at a time. */
export interface Claim {
  /** Slots that it uses. */
  readonly busy: number;
  /** Leases that could begin. */
  readonly waiting: number;
  /** Whether more may come from it. */
  readonly open: boolean;
}

interface Claimant {
  readonly weight: number;
  claim: Claim;
  /** Slot time used, divided by the weight. */
  clockMs: number;
  /** When it last had a lease. */
  busyAtMs: number;
  /** Slots that were kept for it since the last look, and until when each. */
  kept: number;
  expected: number[];
  /** When the slots that it uses were given to it, oldest first. */
  begun: number[];
}

/** Whoever is furthest behind; of equals whoever has least now. */
const byNeed = (a: Claimant, b: Claimant): number =>
  a.clockMs - b.clockMs || a.claim.busy / a.weight - b.claim.busy / b.weight;

export class Shares {
  readonly #config: SharesConfig;
  readonly #hubs: readonly Claimant[];
  #nowMs = 0;

  constructor(config: SharesConfig) {
    this.#config = config;
    this.#hubs = config.weights.map((weight) => ({
      weight,
      claim: { busy: 0, waiting: 0, open: false },
      clockMs: 0,
      busyAtMs: Number.NEGATIVE_INFINITY,
      kept: 0,
      expected: [],
      begun: [],
    }));
  }

  /** Notes what a hub has now. */
  claim(nowMs: number, hub: number, claim: Claim): void {
    this.#advance(nowMs);
    const claimant = this.#hubs[hub]!;
    const wasActive = this.#isActive(claimant);
    for (let left = claimant.claim.busy - claim.busy; left > 0; left--) {
      // No longer than it was used: who uses a slot for moments does not keep it for long.
      const usedMs = nowMs - (claimant.begun.shift() ?? nowMs);
      claimant.expected.push(nowMs + Math.min(usedMs, this.#config.waitMs));
    }
    for (let more = claim.busy - claimant.claim.busy; more > 0; more--) claimant.begun.push(nowMs);
    if (!claim.open) claimant.expected = [];
    const had = claimant.claim.busy + claimant.claim.waiting;
    claimant.claim = claim;
    if (had + claim.busy + claim.waiting > 0) claimant.busyAtMs = nowMs;
    if (!wasActive && this.#isActive(claimant)) this.#enter(claimant);
  }

  /**
   * The hub whose lease is to begin on a free slot now; undefined where none is free or wanted.
   * Call `claim` with the outcome before asking again.
   */
  next(nowMs: number): number | undefined {
    this.#advance(nowMs);
    const { slots } = this.#config;
    let free = slots - this.#hubs.reduce((sum, { claim }) => sum + claim.busy, 0);
    for (const hub of this.#hubs) {
      hub.kept = 0;
      hub.expected = hub.expected.filter((untilMs) => untilMs > nowMs);
    }
    if (free <= 0) return undefined;
    const ranked = this.#hubs.filter((hub) => this.#isActive(hub)).sort(byNeed);
    for (const hub of ranked) {
      if (hub.claim.waiting > 0) {
        hub.expected.shift();
        return this.#hubs.indexOf(hub);
      }
      const others = ranked.some((other) => other.claim.waiting > 0);
      // With nobody else who waits nothing is kept from anybody.
      if (!others) return undefined;
      hub.kept = Math.min(free, hub.expected.length);
      free -= hub.kept;
      if (free === 0) return undefined;
    }
    return undefined;
  }

  /** When something may change although nothing happens; undefined: never. */
  wakeAtMs(): number | undefined {
    let atMs = Number.POSITIVE_INFINITY;
    for (const hub of this.#hubs) {
      if (hub.kept > 0) atMs = Math.min(atMs, ...hub.expected);
      const { busy, waiting } = hub.claim;
      const endsMs = hub.busyAtMs + this.#config.waitMs;
      if (busy + waiting === 0 && endsMs > this.#nowMs) atMs = Math.min(atMs, endsMs);
    }
    return Number.isFinite(atMs) ? atMs : undefined;
  }

  /** How many slots to offer to a hub: all while the others have no work, its share rounded up while they do. */
  offer(hub: number): number {
    const { slots } = this.#config;
    const claimant = this.#hubs[hub]!;
    let weights = claimant.weight;
    for (const other of this.#hubs) if (other !== claimant && this.#isActive(other)) weights += other.weight;
    return Math.min(slots, Math.ceil((slots * claimant.weight) / weights - 1e-9));
  }

  #isActive({ claim, busyAtMs }: Claimant): boolean {
    if (!claim.open) return claim.busy > 0;
    return claim.busy + claim.waiting > 0 || this.#nowMs - busyAtMs < this.#config.waitMs;
  }

  /** Whoever had no work has not saved up anything meanwhile. */
  #enter(claimant: Claimant): void {
    const others = this.#hubs.filter((hub) => hub !== claimant && this.#isActive(hub));
    const least = Math.min(...others.map(({ clockMs }) => clockMs));
    if (others.length > 0) claimant.clockMs = Math.max(claimant.clockMs, least);
  }

  #advance(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#nowMs);
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    let most = Number.NEGATIVE_INFINITY;
    for (const hub of this.#hubs) {
      hub.clockMs += ((hub.claim.busy + hub.kept) * passedMs) / hub.weight;
      if (this.#isActive(hub)) most = Math.max(most, hub.clockMs);
    }
    for (const hub of this.#hubs) {
      hub.clockMs = Math.max(hub.clockMs, most - this.#config.lagMs / hub.weight);
    }
  }
}
