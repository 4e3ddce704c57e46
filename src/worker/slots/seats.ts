import { type Claim, Shares, type SharesConfig } from "../core/index.ts";

/** One hub's part of a worker, as far as its slots go. */
export interface Tenant {
  claim(): Claim;
  /** Whether it has a slot in use. */
  uses(slot: number): boolean;
  /** Its next lease begins there. */
  grant(slot: number): void;
  /** Others want its slots: where its hub has taken nothing for long, it stops what it does. */
  yieldSlots(): void;
  /** Another tenant's lease begins there: lets go of the idle sandbox that it keeps for itself. */
  rest(slot: number): void;
  /** How many slots its hub is to be told of. */
  offer(slots: number): void;
}

export interface SeatsOptions extends SharesConfig {
  /** Milliseconds of a clock that only rises. */
  readonly now: () => number;
}

/** The slots of one machine that works for several hubs, and who of them has each. */
export class Seats {
  readonly #options: SeatsOptions;
  readonly #shares: Shares;
  readonly #tenants: (Tenant | undefined)[];
  /** Who had each slot last: its sandbox may still be warm. */
  readonly #last: (number | undefined)[];
  #settling = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SeatsOptions) {
    this.#options = options;
    this.#shares = new Shares(options);
    this.#tenants = options.weights.map(() => undefined);
    this.#last = Array.from({ length: options.slots }, () => undefined);
  }

  enter(hub: number, tenant: Tenant): void {
    this.#tenants[hub] = tenant;
  }

  leave(hub: number): void {
    this.#tenants[hub] = undefined;
    this.#shares.claim(this.#options.now(), hub, { busy: 0, waiting: 0, open: false });
    this.settle();
  }

  /** Slots that a hub may be told of now. */
  offer(hub: number): number {
    return this.#shares.offer(hub);
  }

  /** Gives free slots to whom they belong; to be called whenever a tenant's claim may have changed. */
  settle(): void {
    this.#again = true;
    if (this.#settling) return;
    this.#settling = true;
    try {
      while (this.#again) {
        this.#again = false;
        this.#settleOnce();
      }
    } finally {
      this.#settling = false;
    }
    this.#tenants.forEach((tenant, hub) => {
      tenant?.offer(this.#shares.offer(hub));
    });
    this.#wakeLater();
  }

  #settleOnce(): void {
    const nowMs = this.#options.now();
    if (this.#tenants.some((tenant) => tenant !== undefined && tenant.claim().waiting > 0)) {
      for (const tenant of this.#tenants) tenant?.yieldSlots();
    }
    this.#tenants.forEach((_tenant, hub) => {
      this.#claim(nowMs, hub);
    });
    for (let hub = this.#shares.next(nowMs); hub !== undefined; hub = this.#shares.next(nowMs)) {
      const slot = this.#freeSlot(hub);
      const tenant = this.#tenants[hub];
      if (slot === undefined || tenant === undefined) return;
      const before = this.#last[slot];
      if (before !== hub && before !== undefined) this.#tenants[before]?.rest(slot);
      this.#last[slot] = hub;
      tenant.grant(slot);
      this.#claim(nowMs, hub);
      // Whoever does not take what it claimed is asked again when it says something.
      if (!tenant.uses(slot)) return;
    }
  }

  #claim(nowMs: number, hub: number): void {
    const tenant = this.#tenants[hub];
    if (tenant !== undefined) this.#shares.claim(nowMs, hub, tenant.claim());
  }

  /** A slot that nobody uses, the hub's own last one where there is one. */
  #freeSlot(hub: number): number | undefined {
    let any: number | undefined;
    for (let slot = 0; slot < this.#last.length; slot++) {
      if (this.#tenants.some((tenant) => tenant?.uses(slot) === true)) continue;
      if (this.#last[slot] === hub) return slot;
      any ??= slot;
    }
    return any;
  }

  #wakeLater(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const atMs = this.#shares.wakeAtMs();
    if (atMs === undefined) return;
    this.#timer = setTimeout(() => this.settle(), Math.max(1, atMs - this.#options.now()));
  }
}
