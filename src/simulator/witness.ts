import type { LeaseDescriptor } from "../scheduler/index.ts";
import { ViolationError } from "./auditor.ts";
import type { Stored } from "./journal.ts";
import { eachInput } from "./records.ts";

/** What the journal says of one job. */
interface Testimony {
  size: number;
  mark: number;
  /** How often inputs without a result have failed. */
  readonly failures: Map<number, number>;
  /** What workers came back with since. */
  readonly adopted: Set<number>;
}

/** Reads the journal beside a hub that starts, and holds it to what stands there. For small scenarios. */
export class Witness {
  readonly #jobs = new Map<string, Testimony>();
  readonly #windowEndMs: number;

  constructor(records: readonly Stored[], windowEndMs: number) {
    this.#windowEndMs = windowEndMs;
    for (const record of records) this.#read(record);
  }

  adopted({ job, ranges }: LeaseDescriptor): void {
    const testimony = this.#jobs.get(job);
    if (testimony !== undefined) for (const index of eachInput(ranges)) testimony.adopted.add(index);
  }

  /** @throws ViolationError where a lease is too early, or forgets failures. */
  leased({ job, ranges, failures, strikes }: LeaseDescriptor, nowMs: number): void {
    const testimony = this.#jobs.get(job);
    if (testimony === undefined) return;
    const isEarly = nowMs < this.#windowEndMs && failures + strikes === 0;
    for (const index of eachInput(ranges)) {
      const known = testimony.failures.get(index) ?? 0;
      if (failures < known) {
        throw new ViolationError(
          "correctness",
          `input ${index} of ${job} failed ${known} times, not ${failures}`,
        );
      }
      if (isEarly && index < Math.min(testimony.mark, testimony.size) && !testimony.adopted.has(index)) {
        throw new ViolationError("correctness", `input ${index} of ${job} may still be running somewhere`);
      }
    }
  }

  #read(record: Stored): void {
    if (record.type === "submitted") {
      this.#jobs.set(record.spec.job, { size: 0, mark: 0, failures: new Map(), adopted: new Set() });
      return;
    }
    const testimony = this.#jobs.get(record.job);
    if (testimony === undefined) return;
    if (record.type === "inputs") testimony.size += record.count;
    if (record.type === "carve") testimony.mark = Math.max(testimony.mark, record.mark);
    if (record.type === "ended") this.#jobs.delete(record.job);
    if (record.type !== "results") return;
    for (const { ranges, failures } of record.retries) {
      for (const index of eachInput(ranges)) testimony.failures.set(index, failures);
    }
  }
}
