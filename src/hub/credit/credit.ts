import type { Registry } from "../../engine/index.ts";
import type { CreditSummary, Limits } from "../../protocol/index.ts";
import { CreditBook, type CreditRow } from "./book.ts";
import { median } from "./median.ts";
import { Prices } from "./prices.ts";

export const CREDIT_PREFIX = "credit/";
const PAGE_DIGITS = 6;
/** Jobs whose prices are known; of others they are learnt anew. */
const JOBS_MAX = 10_000;
/** Leases of broken connections that are remembered; of others time counts from when their workers are back. */
const SUSPENDED_MAX = 10_000;

/** Benchmark of the core whose second is a second of credit, in millions of steps a second. */
export const REFERENCE_SPEED = 200;
/** No core is so much faster, and none that says it is slower than this is given less. */
const SPEED_MAX = 5 * REFERENCE_SPEED;
const SPEED_MIN = REFERENCE_SPEED / 100;

/** Time on a slot as time of the reference core, by what its worker measured of itself. */
export const normalised = (slotMs: number, speed: number): number =>
  (slotMs / 1000) * (Math.min(SPEED_MAX, Math.max(SPEED_MIN, speed)) / REFERENCE_SPEED);

/** What somebody claims for results that were accepted. */
export interface Claim {
  /** Who answers for the worker, by what it has proven. */
  readonly person: string;
  readonly label: string;
  /** Seconds of the reference core. */
  readonly seconds: number;
}

export interface CreditOptions {
  readonly registry: Registry;
  readonly limits: Pick<Limits, "creditRowsMax" | "creditIntervalMs" | "workersPerJobMax">;
  readonly wallMs: () => number;
  /** Since when this hub goes on without a loss of its disk; 0, or nothing: ever. */
  readonly lifeMs?: number;
}

/** Which job accepted results are of. */
export interface CreditedJob {
  readonly job: string;
  readonly project: string;
}

/** A connection, and who answers for it where it is a worker's. */
interface CreditedPeer {
  readonly person: string | undefined;
  readonly grant: { readonly project: string };
}

/**
 * Credit for accepted results. A claim is bounded by the time that the hub saw pass (`SlotMeter`), by what others
 * claim for inputs of the same job (`Prices`), and under quorum by the median of those who agreed.
 */
export class Credit {
  readonly #options: CreditOptions;
  readonly #book: CreditBook;
  /** The job that was credited last stands last. */
  readonly #prices = new Map<string, Prices>();
  readonly #suspended = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #storing: Promise<void> = Promise.resolve();
  #closed = false;
  /** Somebody was credited. */
  onChanged: () => void = () => {};

  private constructor(options: CreditOptions, book: CreditBook) {
    this.#options = options;
    this.#book = book;
  }

  /**
   * Takes up what was stored.
   * @throws MusketeersError `JOURNAL_CORRUPT`
   */
  static async open(options: CreditOptions): Promise<Credit> {
    const book = new CreditBook(options.limits.creditRowsMax, options.lifeMs);
    for (const key of await options.registry.list(CREDIT_PREFIX)) {
      const entry = await options.registry.get(key);
      if (entry !== undefined) book.readPage(entry.value);
    }
    return new Credit(options, book);
  }

  /** So many inputs of a job were accepted of one person. */
  accepted(job: CreditedJob, claim: Claim, inputs: number): void {
    this.#enter(job, claim, claim.seconds, inputs);
  }

  /** One input of a job was accepted because these agreed: nobody gets more than the median of their claims. */
  agreed(job: CreditedJob, claims: readonly Claim[]): void {
    const middle = median(claims.map(({ seconds }) => seconds));
    for (const claim of claims) this.#enter(job, claim, Math.min(claim.seconds, middle), 1);
  }

  /** A connection broke, and its worker may come back with these leases. */
  suspend(leases: ReadonlyMap<string, number>): void {
    for (const [lease, sinceMs] of leases) this.#suspended.set(lease, sinceMs);
    for (const [oldest] of this.#suspended) {
      if (this.#suspended.size <= SUSPENDED_MAX) break;
      this.#suspended.delete(oldest);
    }
  }

  /** Since when a lease is open that a worker has come back with, if it is known. */
  resume(lease: string): number | undefined {
    const sinceMs = this.#suspended.get(lease);
    this.#suspended.delete(lease);
    return sinceMs;
  }

  /** What the person behind a worker has of its project; undefined where it is no worker. */
  ofPeer(peer: CreditedPeer | undefined): Pick<CreditSummary, "seconds" | "inputs"> | undefined {
    return peer?.person === undefined ? undefined : this.#book.of(peer.person, peer.grant.project);
  }

  list(project?: string): CreditSummary[] {
    return this.#book.list(project);
  }

  /** All there is, the most first. */
  rows(): CreditRow[] {
    return this.#book.rows();
  }

  /** Enters what is known of elsewhere; see `CreditBook`. */
  merge(rows: readonly CreditRow[], lifeMs: number): number {
    const risen = this.#book.merge(rows, lifeMs);
    if (risen > 0) this.#storeSoon();
    return risen;
  }

  /** Stores what is not stored yet. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#store();
  }

  #enter({ job, project }: CreditedJob, { person, label }: Claim, seconds: number, inputs: number): void {
    if (inputs === 0 || this.#closed) return;
    const credited = this.#pricesOf(job).claim(person, inputs, seconds);
    this.#book.add({ person, label, project }, credited, inputs, this.#options.wallMs());
    this.#storeSoon();
    this.onChanged();
  }

  #storeSoon(): void {
    if (!this.#closed)
      this.#timer ??= setTimeout(() => void this.#store(), this.#options.limits.creditIntervalMs);
  }

  #pricesOf(job: string): Prices {
    const prices = this.#prices.get(job) ?? new Prices(this.#options.limits.workersPerJobMax);
    this.#prices.delete(job);
    this.#prices.set(job, prices);
    if (this.#prices.size > JOBS_MAX) {
      const [oldest] = this.#prices.keys();
      this.#prices.delete(oldest!);
    }
    return prices;
  }

  /** Where the registry refuses, the engine says so in `status`; it is tried again with what comes next. */
  #store(): Promise<void> {
    this.#timer = undefined;
    this.#storing = this.#storing.then(async () => {
      const pages = this.#book.takeChanged();
      for (const [done, page] of pages.entries()) {
        const key = CREDIT_PREFIX + String(page).padStart(PAGE_DIGITS, "0");
        try {
          await this.#options.registry.put(key, this.#book.encodePage(page));
        } catch {
          this.#book.putBack(pages.slice(done));
          return;
        }
      }
    });
    return this.#storing;
  }
}
