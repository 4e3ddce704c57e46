import type { FailureKind } from "../../protocol/index.ts";
import type { Job, SchedulerConfig } from "../state/state.ts";
import type { InputClass } from "../types.ts";

/** What becomes of an input that failed: it ends so, is tried again, or the failure was not its own. */
export type Verdict =
  | { readonly type: "final"; readonly kind: FailureKind }
  | { readonly type: "retry"; readonly inputClass: InputClass }
  | { readonly type: "unharmed" }
  /** What it was to read is not there: it waits, unharmed. */
  | { readonly type: "absent" };

/** Strikes at which an input is given up. */
export const strikesMax = (job: Job, config: SchedulerConfig): number =>
  job.spec.options.maxAttempts * config.lossesPerStrike;

/** Judges a failure that a worker reported. Kinds that only a hub makes count as plain errors. */
export function judge(job: Job, was: InputClass, kind: FailureKind, config: SchedulerConfig): Verdict {
  switch (kind) {
    case "refused":
      return { type: "unharmed" };
    case "missing":
      // Only what a stage before it made can be lost, and come back.
      return job.upstream === undefined ? judge(job, was, "error", config) : { type: "absent" };
    case "unserializable":
      return { type: "final", kind };
    case "crash": {
      const inputClass = { failures: was.failures, strikes: was.strikes + config.lossesPerStrike };
      if (inputClass.strikes >= strikesMax(job, config)) return { type: "final", kind: "quarantined" };
      return { type: "retry", inputClass };
    }
    case "error":
    case "timeout":
    case "quarantined":
    case "cancelled":
    case "disputed": {
      if (was.failures >= job.spec.options.retries) {
        return { type: "final", kind: kind === "timeout" ? kind : "error" };
      }
      return { type: "retry", inputClass: { failures: was.failures + 1, strikes: was.strikes } };
    }
  }
}

/** When an input that found nothing to read may be tried again; rounded up so that many come together. */
export function foundAtMs(nowMs: number, { missingRetryMs }: SchedulerConfig): number {
  const bucketMs = missingRetryMs / BUCKETS_PER_DELAY;
  return Math.ceil((nowMs + missingRetryMs) / bucketMs) * bucketMs;
}

/** Delays of one length end together in so many groups while one of them passes. */
const BUCKETS_PER_DELAY = 4;

/** When an input may be tried again after so many failures; rounded up so that many come together. */
export function readyAtMs(job: Job, failures: number, nowMs: number, config: SchedulerConfig): number {
  const delayMs = Math.min(job.spec.options.backoffMs * 2 ** (failures - 1), config.retryBackoffMaxMs);
  if (delayMs === 0) return nowMs;
  const bucketMs = delayMs / BUCKETS_PER_DELAY;
  return Math.ceil((nowMs + delayMs) / bucketMs) * bucketMs;
}
