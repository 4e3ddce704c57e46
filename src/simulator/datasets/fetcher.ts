import { draw } from "../environment/random.ts";
import type { NetworkScenario, Random } from "../types.ts";
import type { World } from "../world.ts";
import type { Shelf } from "./shelf.ts";

const LATENCY_MS = 20;
/** Between two tries while the hub is away. */
const RETRY_MS = 500;

/** A line that carries one transfer after the other. */
export class Line {
  readonly #bytesPerSecond: number;
  #freeMs = 0;
  bytes = 0;

  constructor(bytesPerSecond = Number.POSITIVE_INFINITY) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** When so many bytes are through, if they may begin then. */
  book(fromMs: number, bytes: number): number {
    this.#freeMs = Math.max(this.#freeMs, fromMs) + (1_000 * bytes) / this.#bytesPerSecond;
    this.bytes += bytes;
    return this.#freeMs;
  }
}

export interface FetcherHost {
  readonly world: World;
  readonly shelf: Shelf;
  readonly network: NetworkScenario;
  readonly random: Random;
  /** Its own line, down. */
  readonly line: Line;
  /** What the hub would answer. */
  readonly ask: (block: string) => "here" | "nowhere" | "away";
  /** Somebody near who has it, and serves it at so many bytes a second. */
  readonly neighbour: (block: string) => Line | undefined;
  readonly isAwake: () => boolean;
  readonly announce: (added: readonly string[], dropped: readonly string[]) => void;
}

/** Gets blocks for one life of a machine, in virtual time: from its disk, from a neighbour, or from the hub. */
export class Fetcher {
  readonly #host: FetcherHost;
  /** What is on its way: when it is there, and who waits for it. */
  readonly #coming = new Map<
    string,
    { readonly atMs: number; readonly waiting: ((got: boolean) => void)[] }
  >();
  #stopped = false;

  constructor(host: FetcherHost) {
    this.#host = host;
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * In how many milliseconds a block is there, which begins its transfer. `away`: nobody can say now;
   * `nowhere`: the hub has not got it.
   */
  obtain(block: string): number | "away" | "nowhere" {
    const { world, shelf, network, random, line } = this.#host;
    const { nowMs } = world.queue;
    if (shelf.has(block)) {
      shelf.touch(block);
      return 0;
    }
    const coming = this.#coming.get(block);
    if (coming !== undefined) return coming.atMs - nowMs;
    const near = this.#host.neighbour(block);
    const answer = near === undefined ? this.#host.ask(block) : "here";
    if (answer !== "here") return answer;
    const bytes = world.archive.bytesOf(block);
    const from = near ?? world.archive.hubLine;
    const startMs = nowMs + 2 * draw(network.latencyMs, random, LATENCY_MS);
    const atMs = Math.max(from.book(startMs, bytes), line.book(startMs, bytes));
    this.#coming.set(block, { atMs, waiting: [] });
    world.queue.at(atMs, () => this.#arrived(block, bytes, near === undefined));
    return atMs - nowMs;
  }

  /** Gets a block, however long the hub is away. */
  fetch(block: string, then: (got: boolean) => void): void {
    if (this.#stopped) return;
    const inMs = this.#host.isAwake() ? this.obtain(block) : "away";
    if (inMs === "nowhere") then(false);
    else if (inMs === "away") this.#host.world.queue.after(RETRY_MS, () => this.fetch(block, then));
    else if (inMs === 0) then(true);
    else this.#coming.get(block)?.waiting.push(then);
  }

  #arrived(block: string, bytes: number, fromHub: boolean): void {
    const coming = this.#coming.get(block);
    this.#coming.delete(block);
    if (this.#stopped || coming === undefined) return;
    const { shelf, isAwake, ask, announce } = this.#host;
    // Asleep, or cut off in the middle: it begins again.
    if (!isAwake() || (fromHub && ask(block) !== "here")) {
      for (const then of coming.waiting) this.fetch(block, then);
      return;
    }
    const dropped = shelf.cache(block, bytes);
    for (const then of coming.waiting) then(true);
    announce(shelf.has(block) ? [block] : [], dropped);
  }
}
