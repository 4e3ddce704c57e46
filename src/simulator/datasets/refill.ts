import { sharedOrders } from "../../scheduler/index.ts";

/** As `src/hub/recovery/refill.ts` has it. */
const HOLDERS_ASKED_MAX = 3;

export interface RefillHost {
  readonly blocksMax: number;
  readonly lookAfterMs: number;
  /** What is lacking may be had later, whether anybody says so or not. */
  readonly retryMs: number;
  readonly idleMs: number;
  /** Calls in so many milliseconds, unless the hub is dead by then. */
  readonly later: (delayMs: number, then: () => void) => void;
  /** Blocks that the hub lacks. */
  readonly missing: () => readonly string[];
  readonly holdersOf: (block: string) => readonly string[];
  readonly ask: (worker: string, call: number, blocks: readonly string[]) => void;
  readonly looked: () => void;
}

/** Gets blocks back from the workers that keep them, as the hub's does: some at a time, each from up to three of them. */
export class Refill {
  readonly #host: RefillHost;
  readonly #calls = new Map<number, { readonly worker: string; readonly done: () => void }>();
  #call = 0;
  #isPlanned = false;
  #isLooking = false;
  #again = false;
  #retryToken = 0;

  constructor(host: RefillHost) {
    this.#host = host;
  }

  look(): void {
    this.#again = true;
    if (this.#isPlanned || this.#isLooking) return;
    this.#isPlanned = true;
    this.#retryToken++;
    this.#host.later(this.#host.lookAfterMs, () => {
      this.#isPlanned = false;
      this.#isLooking = true;
      this.#again = false;
      this.#fill([...this.#host.missing()], 0);
    });
  }

  answered(worker: string, call: number): void {
    const waiting = this.#calls.get(call);
    if (waiting?.worker !== worker) return;
    this.#calls.delete(call);
    waiting.done();
  }

  left(worker: string): void {
    for (const [call, waiting] of [...this.#calls])
      if (waiting.worker === worker) this.answered(worker, call);
  }

  #lookLater(): void {
    const token = ++this.#retryToken;
    this.#host.later(this.#host.retryMs, () => {
      if (this.#retryToken === token) this.look();
    });
  }

  #fill(blocks: string[], lacking: number): void {
    const some = blocks.splice(0, this.#host.blocksMax);
    if (some.length > 0) {
      this.#round(some, new Map(some.map((block) => [block, new Set()])), 1, (missing) =>
        this.#fill(blocks, lacking + missing),
      );
      return;
    }
    this.#isLooking = false;
    this.#host.looked();
    if (this.#again) this.look();
    else if (lacking > 0) this.#lookLater();
  }

  #round(
    blocks: readonly string[],
    asked: ReadonlyMap<string, Set<string>>,
    round: number,
    then: (missing: number) => void,
  ): void {
    const lacking = new Set(this.#host.missing());
    const missing = blocks.filter((block) => lacking.has(block));
    const orders = round > HOLDERS_ASKED_MAX ? new Map() : sharedOrders(missing, asked, this.#host.holdersOf);
    let open = orders.size;
    if (open === 0) {
      then(missing.length);
      return;
    }
    const answered = () => {
      if (--open === 0) this.#round(missing, asked, round + 1, then);
    };
    for (const [worker, list] of orders) {
      const call = ++this.#call;
      this.#calls.set(call, { worker, done: answered });
      this.#host.later(this.#host.idleMs, () => this.answered(worker, call));
      this.#host.ask(worker, call, list);
    }
  }
}
