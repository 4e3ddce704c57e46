import { type LeaseDescriptor, mapStageId } from "../../scheduler/index.ts";
import { eachInput } from "./records.ts";
import type { Stored } from "./stored.ts";
import { ViolationError } from "./violation.ts";

/** What was appended to the journal of one job. */
interface Testimony {
  /** Its results are voted on: whoever votes next begins with no failures. */
  readonly isVoted: boolean;
  size: number;
  mark: number;
  paused: boolean;
  /** Inputs below may have been running when the hub died. */
  heldTo: number;
  /** How often inputs without a result have failed. */
  readonly failures: Map<number, number>;
  /** What workers came back with since the hub began. */
  readonly adopted: Set<number>;
}

const newTestimony = (size: number, isVoted = false): Testimony => ({
  isVoted,
  size,
  mark: 0,
  paused: false,
  heldTo: 0,
  failures: new Map(),
  adopted: new Set(),
});

/**
 * Remembers what goes into the journal, whatever a checkpoint or a start makes of it, and holds leases to it. For
 * small scenarios.
 */
export class Witness {
  #records: Stored[] = [];
  #jobs = new Map<string, Testimony>();
  #windowEndMs = 0;

  appended(record: Stored): void {
    this.#records.push(record);
    this.#read(record);
  }

  /** The hub begins again; so many records at the end were lost. */
  restarted(lost: number, windowEndMs: number): void {
    this.#records.length = Math.max(0, this.#records.length - lost);
    this.#jobs = new Map();
    for (const record of this.#records) this.#read(record);
    for (const testimony of this.#jobs.values()) {
      testimony.heldTo = Math.min(testimony.mark, testimony.size);
    }
    this.#windowEndMs = windowEndMs;
  }

  /** Whoever was running these is back with them, or with their results. */
  adopted({ job, ranges }: Pick<LeaseDescriptor, "job" | "ranges">): void {
    const testimony = this.#jobs.get(job);
    if (testimony !== undefined) for (const index of eachInput(ranges)) testimony.adopted.add(index);
  }

  /** @throws ViolationError where a lease is too early, forgets failures, or is of a paused job. */
  leased({ job, ranges, failures, strikes }: LeaseDescriptor, nowMs: number): void {
    const testimony = this.#jobs.get(job);
    if (testimony === undefined) return;
    if (testimony.paused) throw new ViolationError("correctness", `${job} is paused, and was leased`);
    const isEarly = nowMs < this.#windowEndMs && failures + strikes === 0;
    for (const index of eachInput(ranges)) {
      const known = testimony.failures.get(index) ?? 0;
      if (failures < known && !testimony.isVoted) {
        throw new ViolationError(
          "correctness",
          `input ${index} of ${job} failed ${known} times, not ${failures}`,
        );
      }
      // A retried one is not held back; whoever votes on it next takes it as a fresh one.
      if (testimony.isVoted && failures + strikes > 0) testimony.adopted.add(index);
      if (isEarly && index < testimony.heldTo && !testimony.adopted.has(index)) {
        throw new ViolationError("correctness", `input ${index} of ${job} may still be running somewhere`);
      }
    }
  }

  #read(record: Stored): void {
    if (record.type === "submitted") {
      const { job, shuffle, options } = record.spec;
      this.#jobs.set(job, newTestimony(shuffle?.partitions ?? 0, options.quorum !== undefined));
      if (shuffle !== undefined) {
        this.#jobs.set(mapStageId(job), newTestimony(0, options.quorum !== undefined));
      }
      return;
    }
    const map = record.type === "inputs" ? this.#jobs.get(mapStageId(record.job)) : undefined;
    const testimony = map ?? this.#jobs.get(record.job);
    if (testimony === undefined) return;
    if (record.type === "lost") {
      for (const index of eachInput(record.ranges)) {
        // Whoever ran it had given its result; and what it failed before that counts no more.
        testimony.adopted.add(index);
        testimony.failures.delete(index);
      }
    }
    if (record.type === "inputs") testimony.size += record.count;
    if (record.type === "carve") testimony.mark = Math.max(testimony.mark, record.mark);
    if (record.type === "adjusted") {
      for (const id of [record.job, mapStageId(record.job)]) {
        const stage = this.#jobs.get(id);
        if (stage !== undefined) stage.paused = record.paused;
      }
    }
    if (record.type === "ended") {
      this.#jobs.delete(record.job);
      this.#jobs.delete(mapStageId(record.job));
    }
    if (record.type !== "results") return;
    for (const { ranges, failures } of record.retries) {
      for (const index of eachInput(ranges)) testimony.failures.set(index, failures);
    }
  }
}
