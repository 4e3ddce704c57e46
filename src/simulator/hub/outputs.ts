import { countOf, pushRange, type Range, type Ranges } from "../../protocol/index.ts";
import { type EffectOf, mapStageId, type SchedulerEvent, submissionOf } from "../../scheduler/index.ts";
import { disksOf, eachInput, packPartitions, pickRecords } from "../checks/records.ts";
import { ViolationError } from "../checks/violation.ts";
import type { JobPlan } from "../plan.ts";
import type { World } from "../world.ts";
import type { SimulatedJournal } from "./journal.ts";

const GRACE_MS = 5_000;

export interface OutputsHost {
  readonly world: World;
  readonly journal: SimulatedJournal;
  /** The disks of all that are connected. */
  readonly connected: () => ReadonlySet<number>;
  readonly feed: (event: SchedulerEvent) => void;
}

/** What the hub knows of outputs: on which disk those of each segment are, and when they are given up. */
export class Outputs {
  readonly #host: OutputsHost;
  /** By the id of the map stage, the disk of each segment. */
  #rows = new Map<string, Map<number, number>>();
  #life = 0;
  /** Segments whose outputs were lost, each as often as they were. */
  lost = 0;

  constructor(host: OutputsHost) {
    this.#host = host;
  }

  /** The hub has died. */
  clear(): void {
    this.#rows = new Map();
    this.#life++;
  }

  enter(stage: string, rows: Iterable<readonly [segment: number, disk: number]>): void {
    const known = this.#rows.get(stage) ?? new Map<number, number>();
    this.#rows.set(stage, known);
    for (const [segment, disk] of rows) known.set(segment, disk);
  }

  drop(stage: string, ranges: Ranges): void {
    const known = this.#rows.get(stage);
    for (const segment of eachInput(ranges)) known?.delete(segment);
  }

  /** A job is over. */
  forget(job: string): void {
    this.#rows.delete(mapStageId(job));
  }

  /** Results of a map stage were accepted: before these, the journal gets to know where their outputs are. */
  keep({ job, kept, ranges }: EffectOf<"RecordResults">, block: Uint8Array): void {
    const { world } = this.#host;
    if (!world.planOf.get(job)!.isStage) return;
    this.keepRows(job, [...disksOf(pickRecords(block, kept), ranges)]);
  }

  /** The same, where they are known. */
  keepRows(job: string, rows: readonly (readonly [segment: number, disk: number])[]): void {
    if (rows.length === 0) return;
    this.enter(job, rows);
    this.#host.journal.append({ type: "rows", job, rows });
  }

  /** The scheduler has heard that these are lost. */
  lose({ job, ranges }: EffectOf<"RecordLoss">): void {
    const { world, journal } = this.#host;
    world.auditor.forget(world.planOf.get(job)!.number, ranges);
    world.inspector.forget(job, ranges);
    this.drop(job, ranges);
    this.lost += countOf(ranges);
    journal.append({ type: "lost", job, ranges });
  }

  /**
   * The inputs of partitions, packed.
   * @throws ViolationError where the scheduler thinks that there are outputs which there are not
   */
  inputsOf({ number, spec, map }: JobPlan, ranges: Ranges): Uint8Array {
    const known = this.#rows.get(mapStageId(spec.job));
    const disks = Array.from({ length: map?.inputs ?? 0 }, (_, segment) => {
      const disk = known?.get(segment);
      if (disk !== undefined) return disk;
      throw new ViolationError("correctness", `${spec.job} is to be reduced without segment ${segment}`);
    });
    return packPartitions(number, ranges, disks);
  }

  /** After a while, or at once where a reducer misses something, what nobody has who is connected is given up. */
  seek(isMissed: boolean): void {
    const { world, connected, feed } = this.#host;
    if (this.#rows.size === 0) return;
    const life = this.#life;
    const graceMs = world.scenario.hub?.outputGraceMs ?? GRACE_MS;
    world.queue.after(isMissed ? 0 : graceMs, () => {
      if (this.#life !== life) return;
      const there = connected();
      for (const [stage, known] of [...this.#rows]) {
        const ranges = segmentsElsewhere(known, there);
        const { nowMs } = world.queue;
        if (ranges.length > 0) feed({ type: "OutputLost", nowMs, job: submissionOf(stage), ranges });
      }
    });
  }
}

function segmentsElsewhere(known: ReadonlyMap<number, number>, there: ReadonlySet<number>): Range[] {
  const lost: Range[] = [];
  for (const [segment, disk] of [...known].toSorted(([a], [b]) => a - b)) {
    if (!there.has(disk)) pushRange(lost, segment, segment + 1);
  }
  return lost;
}
