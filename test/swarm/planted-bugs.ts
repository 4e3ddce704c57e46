/** A fault put into a copy of one file, to see whether the swarm finds it. */
export interface PlantedBug {
  readonly name: string;
  /** Below `src/`. */
  readonly file: string;
  /** Stands there exactly once... */
  readonly find: string;
  /** ...and is replaced by this. */
  readonly replace: string;
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "a lease that is not expired",
    file: "scheduler/time.ts",
    find: "if (state.nowMs < expiryAtMs) {",
    replace: "if (state.nowMs < expiryAtMs || worker.leases.size > 0) {",
  },
  {
    name: "a result accepted twice",
    file: "scheduler/results.ts",
    find: "for (const [from, to] of this.#job.done.missing([[start, end]])) {",
    replace: "for (const [from, to] of [[start, end]] as const) {",
  },
  {
    name: "a lost wake-up",
    file: "scheduler/results.ts",
    find: "        wakeBy(this.#state, atMs);\n",
    replace: "",
  },
  {
    name: "a trim that forgets its tail",
    file: "scheduler/trim.ts",
    find: "job.pending.add(lease.descriptor, ownedOf(lease, job.done.missing(spare)));",
    replace: "job.pending.add(lease.descriptor, ownedOf(lease, job.done.missing(spare.slice(0, -1))));",
  },
  {
    name: "a carve mark forgotten in recovery",
    file: "scheduler/recover.ts",
    find: "job.carveMark = Math.max(job.carveMark, record.mark);",
    replace: "job.carveMark = Math.max(job.carveMark, 0);",
  },
  {
    name: "a retry lost in recovery",
    file: "scheduler/recover.ts",
    find: "for (const retry of record.retries) recoverRetry(job, retry);",
    replace: "",
  },
  {
    name: "a retry too few",
    file: "scheduler/verdict.ts",
    find: "if (was.failures >= job.spec.options.retries) {",
    replace: "if (was.failures + 1 >= job.spec.options.retries) {",
  },
  {
    name: "a vanished worker's inputs are not given back",
    file: "scheduler/workers.ts",
    find: "job.pending.add(descriptor, isSuspect ? sliceRanges(owed, 1, countOf(owed)) : owed);",
    replace: "if (isSuspect) job.pending.add(descriptor, sliceRanges(owed, 1, countOf(owed)));",
  },
  {
    name: "results of positions shifted by one",
    file: "scheduler/results.ts",
    find: "pushRange(this.#kept, from + shift, to + shift);",
    replace:
      "pushRange(this.#kept, from + shift + (shift < -40 ? 1 : 0), to + shift + (shift < -40 ? 1 : 0));",
  },
  {
    name: "a job that ends before it is sealed",
    file: "scheduler/jobs.ts",
    find: "if (job.sealed && job.done.count === job.size) endJob(",
    replace: "if (job.size > 0 && job.done.count === job.size) endJob(",
  },
  {
    name: "a worker that forgets to send again what was not acknowledged",
    file: "worker/core/step.ts",
    find: "for (const { from, done: wasDone, ...results } of lease.unacked) {",
    replace: "for (const { from, done: wasDone, ...results } of lease.unacked.slice(1)) {",
  },
  {
    name: "a worker that loses the rest of a trimmed unit",
    file: "worker/core/step.ts",
    find: "lease.end = Math.min(lease.end, Math.max(keep, lease.handed));",
    replace: "lease.end = Math.min(lease.end, keep);",
  },
];
