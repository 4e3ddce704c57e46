import type { Limits } from "../../src/protocol/index.ts";
import type { EventOf, InputClass, JobId, LeaseNo, WorkerId } from "../../src/scheduler/index.ts";

export interface Input {
  result: string | undefined;
  /** As the scheduler must know it now. */
  now: InputClass;
  /** As the journal has it. */
  recorded: InputClass;
  notBeforeMs: number;
}

export interface ModelJob {
  readonly submitted: EventOf<"JobSubmitted">["spec"];
  readonly inputs: Input[];
  sealed: boolean;
  paused: boolean;
  judged: number;
  misjudged: number;
  mark: number;
}

export interface ModelWorker {
  readonly description: EventOf<"WorkerJoined">["description"];
  slots: number;
  draining: boolean;
  pausedUntilMs: number;
  heardMs: number;
  readonly refused: Set<JobId>;
}

export interface ModelLease {
  readonly job: JobId;
  readonly worker: WorkerId;
  readonly inputs: readonly number[];
  readonly inputClass: InputClass;
  reported: number;
  keep: number;
  /** The inputs that are its to do; undefined: all. */
  readonly own?: ReadonlySet<number>;
}

export const fresh: InputClass = { failures: 0, strikes: 0 };
export const isSame = (a: InputClass, b: InputClass) => a.failures === b.failures && a.strikes === b.strikes;

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`The model objects: ${what}`);
}

/** What there is, as far as it can be told from events and effects. */
export class ModelState {
  readonly limits: Limits;
  readonly jobs = new Map<JobId, ModelJob>();
  readonly workers = new Map<WorkerId, ModelWorker>();
  readonly leases = new Map<LeaseNo, ModelLease>();
  nowMs = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  owedBy(no: LeaseNo): number[] {
    const lease = this.leases.get(no)!;
    const { inputs } = this.jobs.get(lease.job)!;
    const owed = lease.inputs.slice(lease.reported, lease.keep);
    return owed.filter((at) => inputs[at]!.result === undefined && lease.own?.has(at) !== false);
  }

  ownersOf(job: JobId, input: number): LeaseNo[] {
    return [...this.leases.keys()].filter(
      (no) => this.leases.get(no)!.job === job && this.owedBy(no).includes(input),
    );
  }

  isBroken({ judged, misjudged }: ModelJob): boolean {
    return judged >= this.limits.breakerInputsMin && misjudged > judged * this.limits.breakerFailedShare;
  }
}
