import { countOf, type FailureMark, pushRange, type Range, type Ranges } from "../../protocol/index.ts";
import { RangeSet } from "../../scheduler/index.ts";
import type { Claim } from "../credit/index.ts";
import { IndexedBlock, joinBlocks } from "../journal/block.ts";

/** So many times what is wanted of a block of records is kept at most. */
const WASTE_MAX = 2;

/** Records of one worker for some inputs. */
export interface KeptRecords {
  /** Name of the worker. */
  readonly worker: string;
  readonly ranges: Ranges;
  /** `at` counts the records. */
  readonly failures: readonly FailureMark[];
  readonly body: Uint8Array;
  /** For each input. */
  readonly claim: Claim;
}

interface Kept {
  readonly worker: string;
  readonly ranges: Ranges;
  readonly failures: readonly FailureMark[];
  readonly block: IndexedBlock;
  readonly claim: Claim;
  /** Its inputs of which the record is still wanted. */
  readonly left: RangeSet;
}

/**
 * Records that may become results, by job and person: in memory, because losing them costs nothing but work. What
 * bounds them is the scheduler, which begins nothing new while too much is undecided.
 */
export class Candidates {
  readonly #jobs = new Map<string, Map<string, Kept[]>>();
  #bytes = 0;

  /** What all of them take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of everybody, packed. */
  *records(): Generator<Uint8Array, void, undefined> {
    for (const people of this.#jobs.values()) {
      for (const list of people.values()) for (const { block } of list) yield block.bytes;
    }
  }

  keep(job: string, person: string, { worker, ranges, failures, body, claim }: KeptRecords): void {
    const people = this.#jobs.get(job) ?? new Map<string, Kept[]>();
    this.#jobs.set(job, people);
    // Of what a person did again the latest counts.
    this.#forget(people, person, ranges);
    const list = people.get(person) ?? [];
    people.set(person, list);
    // Not as a view: the message that it came in may be large.
    const block = new IndexedBlock(body.slice(), countOf(ranges));
    list.push({ worker, ranges, failures, block, claim, left: new RangeSet(ranges) });
    this.#bytes += body.length;
  }

  /** What was kept of a person for these inputs. */
  find(job: string, person: string, ranges: Ranges): KeptRecords[] {
    const found: KeptRecords[] = [];
    for (const kept of this.#jobs.get(job)?.get(person) ?? []) {
      const part = kept.left.intersect(ranges);
      if (part.length > 0) found.push(cut(kept, part));
    }
    return found;
  }

  /** What a person may claim for an input of which it gave a result. */
  claimOf(job: string, person: string, input: number): Claim | undefined {
    return this.#jobs
      .get(job)
      ?.get(person)
      ?.find(({ left }) => left.has(input))?.claim;
  }

  /** Forgets what is kept for these inputs, of one person or of everybody. */
  drop(job: string, ranges: Ranges, person?: string): void {
    const people = this.#jobs.get(job);
    if (people === undefined) return;
    for (const each of person === undefined ? [...people.keys()] : [person])
      this.#forget(people, each, ranges);
    if (people.size === 0) this.#jobs.delete(job);
  }

  /** Forgets everything of a job. */
  end(job: string): void {
    for (const list of this.#jobs.get(job)?.values() ?? []) {
      for (const { block } of list) this.#bytes -= block.bytes.length;
    }
    this.#jobs.delete(job);
  }

  #forget(people: Map<string, Kept[]>, person: string, ranges: Ranges): void {
    const list = people.get(person);
    if (list === undefined) return;
    const rest = list.flatMap((kept) => {
      const { left, block } = kept;
      if (left.removeAll(ranges) === 0) return [kept];
      this.#bytes -= block.bytes.length;
      if (left.count === 0) return [];
      const smaller = left.count * WASTE_MAX > countOf(kept.ranges) ? kept : shrunk(kept);
      this.#bytes += smaller.block.bytes.length;
      return [smaller];
    });
    if (rest.length > 0) people.set(person, rest);
    else people.delete(person);
  }
}

/** The same without the records that nobody wants any more. */
function shrunk(kept: Kept): Kept {
  const { ranges, failures, body } = cut(kept, [...kept.left.ranges()]);
  return { ...kept, ranges, failures, block: new IndexedBlock(body.slice(), countOf(ranges)) };
}

/** The records of some of the inputs, which rise. */
function cut({ worker, ranges, failures, block, claim }: Kept, wanted: Ranges): KeptRecords {
  const inputs = new RangeSet(wanted);
  const parts: Uint8Array[] = [];
  const marks: FailureMark[] = [];
  const found: Range[] = [];
  let at = 0;
  let position = 0;
  for (const [start, end] of ranges) {
    for (const [from, to] of inputs.intersect([[start, end]])) {
      const first = position + from - start;
      const last = position + to - start;
      parts.push(block.slice(first, last));
      for (const mark of failures) {
        if (mark.at >= first && mark.at < last) marks.push({ ...mark, at: at + mark.at - first });
      }
      pushRange(found, from, to);
      at += to - from;
    }
    position += end - start;
  }
  return { worker, ranges: found, failures: marks, body: joinBlocks(parts), claim };
}
