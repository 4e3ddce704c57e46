import { refsIn } from "../../data/index.ts";
import type { Blobs } from "../../engine/index.ts";
import {
  eachRecord,
  type FileRef,
  type Limits,
  pushRange,
  type Range,
  TAG_CID,
  TAG_FILE,
} from "../../protocol/index.ts";
import { Leaves } from "./leaves.ts";
import type { Tracker } from "./tracker.ts";

export interface LocalityOptions {
  readonly blobs: Blobs;
  readonly limits: Pick<Limits, "nearInputsMax">;
  readonly tracker: Pick<Tracker, "keeps" | "holdersOf">;
  /** Told that a worker has the data of these inputs, or has it no more. */
  readonly onNear: (near: {
    readonly worker: string;
    readonly job: string;
    readonly ranges: readonly Range[];
    readonly kept: boolean;
  }) => void;
}

/** An input that refers to data. */
interface Placed {
  readonly job: string;
  readonly input: number;
  /** A few of the blocks that it needs; who has most of them has its data. */
  readonly blocks: readonly string[];
}

/** Files of one input that are looked at. */
const REFS_MAX = 4;
/** What so many inputs refer to says nothing about where any of them belongs. */
const INPUTS_PER_BLOCK_MAX = 64;
const HOLDERS_MAX = 64;

/** How references to files and to blobs begin. */
const starts = [Buffer.of(0xd9, TAG_FILE >> 8, TAG_FILE & 0xff), Buffer.of(0xd8, TAG_CID)];

/** Most blocks hold no reference, and are to cost nothing. */
function mayRefer({ buffer, byteOffset, length }: Uint8Array): boolean {
  const bytes = Buffer.from(buffer, byteOffset, length);
  return starts.some((start) => bytes.includes(start));
}

/**
 * Which inputs of running jobs refer to which blocks, so that the scheduler learns which workers have their
 * data. It looks at the beginning, the middle and the end of what an input refers to.
 */
export class Locality {
  readonly #options: LocalityOptions;
  readonly #leaves: Leaves;
  readonly #byBlock = new Map<string, Placed[]>();
  readonly #byJob = new Map<string, Placed[]>();
  #count = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LocalityOptions) {
    this.#options = options;
    this.#leaves = new Leaves(options.blobs);
  }

  /** Inputs whose data it knows. */
  get count(): number {
    return this.#count;
  }

  /** Settles when all inputs so far are looked at. */
  get settled(): Promise<unknown> {
    return this.#last;
  }

  /**
   * A job gets inputs, of which this packed block holds those from `from` on. Where the trees of their files
   * are known, all is told before this returns, so that the first inputs go where they belong, too.
   */
  inputs(job: string, from: number, block: Uint8Array): void {
    if (this.#count >= this.#options.limits.nearInputsMax || !mayRefer(block)) return;
    const all = this.#byJob.get(job) ?? [];
    this.#byJob.set(job, all);
    const known: Placed[] = [];
    let input = from;
    for (const record of eachRecord(block)) {
      const refs = refsIn(record, REFS_MAX);
      const samples = refs.length === 0 ? [] : this.#blocksOf(refs);
      if (samples instanceof Promise) this.#placeLater(all, job, input, samples);
      else if (samples.length > 0) known.push({ job, input, blocks: samples });
      input++;
    }
    this.#place(all, known);
  }

  #placeLater(all: Placed[], job: string, input: number, samples: Promise<readonly string[]>): void {
    this.#last = Promise.all([samples, this.#last]).then(([blocks]) => {
      // The job may have ended, and another one of this name begun.
      if (blocks.length > 0 && this.#byJob.get(job) === all) this.#place(all, [{ job, input, blocks }]);
    });
  }

  /** What a worker said that it keeps, and that it does not keep any more; the tracker knows already. */
  holdings(worker: string, added: readonly string[], dropped: readonly string[]): void {
    const concerned = new Set<Placed>();
    for (const cids of [added, dropped]) {
      for (const cid of cids) for (const placed of this.#byBlock.get(cid) ?? []) concerned.add(placed);
    }
    this.#tell(worker, concerned, dropped.length > 0);
  }

  ended(job: string): void {
    const placed = this.#byJob.get(job);
    if (placed === undefined) return;
    this.#byJob.delete(job);
    this.#count -= placed.length;
    const blocks = new Set(placed.flatMap((one) => one.blocks));
    for (const cid of blocks) {
      const rest = this.#byBlock.get(cid)?.filter((other) => other.job !== job) ?? [];
      if (rest.length > 0) this.#byBlock.set(cid, rest);
      else this.#byBlock.delete(cid);
    }
  }

  #place(all: Placed[], fresh: readonly Placed[]): void {
    const near = new Map<string, Set<Placed>>();
    for (const placed of fresh) {
      if (this.#count >= this.#options.limits.nearInputsMax) break;
      for (const cid of placed.blocks) {
        const others = this.#byBlock.get(cid);
        if (others === undefined) this.#byBlock.set(cid, [placed]);
        else if (others.length < INPUTS_PER_BLOCK_MAX) others.push(placed);
      }
      all.push(placed);
      this.#count++;
      for (const worker of this.#holdersOf(placed)) add(near, worker, placed);
    }
    for (const [worker, those] of near) this.#tell(worker, those, false);
  }

  #holdersOf({ blocks }: Placed): string[] {
    const telling = blocks.filter((cid) => (this.#byBlock.get(cid)?.length ?? 0) < INPUTS_PER_BLOCK_MAX);
    return telling.flatMap((cid) => this.#options.tracker.holdersOf(cid).slice(0, HOLDERS_MAX));
  }

  /** What cannot be read, or is no file, is near nobody. */
  #blocksOf(refs: readonly FileRef[]): readonly string[] | Promise<readonly string[]> {
    const known = refs.map((ref) => this.#leaves.samplesNow(ref));
    if (!known.includes(undefined)) return [...new Set(known.flatMap((cids) => cids ?? []))];
    return Promise.allSettled(refs.map((ref) => this.#leaves.samplesOf(ref))).then((read) => [
      ...new Set(read.flatMap((one) => (one.status === "fulfilled" ? one.value : []))),
    ]);
  }

  #tell(worker: string, concerned: Iterable<Placed>, mayHaveLost: boolean): void {
    const { tracker, onNear } = this.#options;
    const near = new Map<string, Set<number>>();
    const far = new Map<string, Set<number>>();
    for (const { job, input, blocks } of concerned) {
      const kept = blocks.filter((cid) => tracker.keeps(worker, cid)).length;
      const isNear = 2 * kept > blocks.length;
      if (!isNear && !mayHaveLost) continue;
      add(isNear ? near : far, job, input);
    }
    for (const [of, kept] of [
      [near, true],
      [far, false],
    ] as const) {
      for (const [job, inputs] of of) onNear({ worker, job, ranges: rangesOf(inputs), kept });
    }
  }
}

function add<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function rangesOf(inputs: ReadonlySet<number>): Range[] {
  const ranges: Range[] = [];
  for (const input of [...inputs].sort((a, b) => a - b)) pushRange(ranges, input, input + 1);
  return ranges;
}
