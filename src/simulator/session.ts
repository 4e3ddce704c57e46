import {
  countOf,
  type EnrolledWorker,
  type FailureMark,
  type ReturnReason,
  sliceRanges,
} from "../protocol/index.ts";
import type { LeaseDescriptor, LeaseNo } from "../scheduler/index.ts";
import type { Auditor } from "./checks/auditor.ts";
import { partsOf } from "./checks/records.ts";
import { ViolationError } from "./checks/violation.ts";
import type { Link } from "./environment/link.ts";
import { openLeaseId } from "./hub/lease-id.ts";
import type { Hub } from "./hub.ts";
import type { Machine } from "./machine.ts";
import type { JobPlan } from "./plan.ts";

const HEADER_BYTES = 100;

export interface OpenLease {
  readonly no: LeaseNo;
  readonly id: string;
  readonly descriptor: LeaseDescriptor;
  readonly count: number;
  reported: number;
}

/** Results as a machine sends them. */
export interface Report {
  readonly lease: string;
  readonly from: number;
  readonly count: number;
  readonly block: Uint8Array;
  readonly failures: readonly FailureMark[];
  readonly elapsedMs: number;
  readonly done: boolean;
  /** What they took on their slot, by the true clock. */
  readonly costMs: number;
}

/** One connected worker, as the hub's shell sees it. */
export class Session {
  readonly worker: string;
  readonly description: EnrolledWorker;
  readonly machine: Machine;
  readonly link: Link;
  readonly #hub: Hub;
  readonly #byId = new Map<string, OpenLease>();
  readonly #byNo = new Map<LeaseNo, OpenLease>();
  readonly #acks = new Map<string, number>();
  #ackPlanned = false;
  left = false;
  #isLost = false;
  /** When the scheduler was told last that it is there. */
  heardMs: number;

  constructor(hub: Hub, machine: Machine, link: Link, worker: string, nowMs: number) {
    this.#hub = hub;
    this.machine = machine;
    this.link = link;
    this.worker = worker;
    this.description = machine.describe();
    this.heardMs = nowMs;
  }

  open(lease: OpenLease): void {
    this.#byId.set(lease.id, lease);
    this.#byNo.set(lease.no, lease);
  }

  /** Leases that its worker has, as far as the shell knows. */
  get leases(): number {
    return this.#byNo.size;
  }

  /** Its worker vanished: the first input without a result of each of its leases may be to blame. */
  lost(auditor: Auditor): void {
    if (this.#isLost) return;
    this.#isLost = true;
    auditor.losses++;
    for (const { descriptor, reported } of this.#byNo.values()) {
      const next = sliceRanges(descriptor.ranges, reported, reported + 1)[0]?.[0];
      if (next !== undefined) auditor.lostUnder(descriptor.job, next);
    }
  }

  forget(no: LeaseNo): OpenLease | undefined {
    const open = this.#byNo.get(no);
    if (open === undefined) return undefined;
    this.#byNo.delete(no);
    this.#byId.delete(open.id);
    return open;
  }

  /** Its inputs go to the worker, in parts. */
  sendUnit({ id, count }: OpenLease, { spec, scenario }: JobPlan, block: Uint8Array): void {
    const { link, machine } = this;
    const inputBytes = scenario.inputBytes ?? HEADER_BYTES;
    const { unitPartBytesTarget } = this.#hub.world.limits;
    for (const { from, part, bytes } of partsOf(block, count, unitPartBytesTarget)) {
      const message = { type: "lease", lease: id, task: spec.task, count, from, part } as const;
      link.send("machine", "lease", HEADER_BYTES + part * inputBytes, () =>
        machine.leased(link, message, bytes),
      );
    }
  }

  /** Says whether there was such a lease. */
  trim(no: LeaseNo, keep: number): boolean {
    const open = this.#byNo.get(no);
    if (open === undefined) return false;
    const { link, machine } = this;
    link.send("machine", "trim", HEADER_BYTES, () => machine.trimmed(link, open.id, keep));
    return true;
  }

  revoke(no: LeaseNo, reason: string): void {
    const open = this.forget(no);
    if (open === undefined) return;
    const { link, machine } = this;
    link.send("machine", "revoke", HEADER_BYTES, () => machine.revoked(link, open.id, reason));
  }

  progress(report: Report): void {
    const open = this.#byId.get(report.lease);
    if (open === undefined) {
      this.#hub.late(this, openLeaseId(report.lease), report);
      return;
    }
    const end = report.from + report.count;
    if (report.from > open.reported || end > open.count) {
      throw new ViolationError(
        "correctness",
        `${this.worker} reports ${report.from} to ${end} after ${open.reported}`,
      );
    }
    const news = Math.max(0, end - open.reported);
    open.reported = Math.max(open.reported, end);
    if (report.done || open.reported === open.count) this.forget(open.no);
    this.#hub.progressed(this, open, report, news);
  }

  returned(id: string, reason: ReturnReason): void {
    const open = this.#byId.get(id);
    if (open === undefined) return;
    this.forget(open.no);
    this.#hub.returned(this, open.no, reason);
  }

  saved(id: string, position: number, state: Uint8Array): void {
    const open = this.#byId.get(id);
    if (open === undefined || position < open.reported || position >= open.count) return;
    this.#hub.saved.save(open.descriptor, position, state);
  }

  ack(lease: string, upTo: number): void {
    this.#acks.set(lease, upTo);
    if (this.#ackPlanned) return;
    this.#ackPlanned = true;
    this.#hub.world.queue.after(this.#hub.world.limits.receiptDelayMs, () => {
      this.#ackPlanned = false;
      for (const [id, position] of this.#acks) {
        this.link.send("machine", "ack", 40, () => this.machine.acked(id, position));
      }
      this.#acks.clear();
    });
  }
}

export const newOpenLease = (
  no: LeaseNo,
  id: string,
  descriptor: LeaseDescriptor,
  reported = 0,
): OpenLease => ({
  no,
  id,
  descriptor,
  count: countOf(descriptor.ranges),
  reported,
});
