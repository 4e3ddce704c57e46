import type { Job } from "./state.ts";

const isBefore = (a: Job, b: Job): boolean =>
  a.vtimeMs < b.vtimeMs || (a.vtimeMs === b.vtimeMs && a.order < b.order);

/** The one that is served first. */
export const before = (a: Job | undefined, b: Job | undefined): Job | undefined =>
  a === undefined || (b !== undefined && isBefore(b, a)) ? b : a;

/** Jobs with something ready, the least virtual time first: a binary heap whose places the jobs know. */
export class RunQueue {
  readonly #heap: Job[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(job: Job): void {
    job.queueAt = this.#heap.length;
    this.#heap.push(job);
    this.#up(job);
  }

  remove(job: Job): void {
    const at = job.queueAt;
    job.queueAt = -1;
    const last = this.#heap.pop()!;
    if (last === job) return;
    this.#heap[at] = last;
    last.queueAt = at;
    this.update(last);
  }

  /** After its virtual time changed. */
  update(job: Job): void {
    this.#up(job);
    this.#down(job);
  }

  /** The first job that is not excluded. */
  least(excluded?: ReadonlySet<Job>): Job | undefined {
    const first = this.#heap[0];
    if (first === undefined || !excluded?.has(first)) return first;
    let least: Job | undefined;
    for (const job of this.#heap) if (!excluded.has(job)) least = before(least, job);
    return least;
  }

  /** The first one but for `leader`, which is what `least` gave. */
  runnerUp(leader: Job, excluded?: ReadonlySet<Job>): Job | undefined {
    if (leader.queueAt === 0 && (excluded === undefined || excluded.size === 0)) {
      return before(this.#heap[1], this.#heap[2]);
    }
    let least: Job | undefined;
    for (const job of this.#heap) if (job !== leader && !excluded?.has(job)) least = before(least, job);
    return least;
  }

  *[Symbol.iterator](): Generator<Job, void, undefined> {
    yield* this.#heap;
  }

  #up(job: Job): void {
    const heap = this.#heap;
    let at = job.queueAt;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt]!;
      if (!isBefore(job, parent)) break;
      heap[at] = parent;
      parent.queueAt = at;
      at = parentAt;
    }
    heap[at] = job;
    job.queueAt = at;
  }

  #down(job: Job): void {
    const heap = this.#heap;
    let at = job.queueAt;
    for (;;) {
      const child = before(heap[2 * at + 1], heap[2 * at + 2]);
      if (child === undefined || !isBefore(child, job)) break;
      const childAt = child.queueAt;
      heap[at] = child;
      child.queueAt = at;
      at = childAt;
    }
    heap[at] = job;
    job.queueAt = at;
  }
}
