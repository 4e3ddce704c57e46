import { createHash } from "node:crypto";
import {
  formatTraceparent,
  type JobSpec,
  type Limits,
  parseTraceparent,
  type TraceContext,
} from "../../protocol/index.ts";
import type { EffectOf, LeaseNo } from "../../scheduler/index.ts";
import { type Span, Thinning, type Tracer } from "../../tracing/index.ts";
import type { OpenLease } from "../leases/open-lease.ts";
import type { JobEntry } from "./job-entry.ts";

interface TracedJob {
  readonly units: Thinning;
  /** Its client's span, where that is traced. */
  readonly client: TraceContext | undefined;
  /** Its own span; it is written when it is over. */
  readonly own: TraceContext;
  firstLeaseMs: number | undefined;
}

export interface JobTracesOptions {
  /** Without one the hub makes no spans, and hands on to workers what clients began. */
  readonly tracer: Tracer | undefined;
  readonly limits: Pick<Limits, "traceUnitsPerStep">;
  readonly wallMs: () => number;
}

/** Ids that a hub which starts again makes again, so that a trace has no hole. */
function derived(spec: JobSpec, client: TraceContext | undefined): TraceContext {
  const digest = createHash("sha256").update(`trace of ${spec.job}`).digest("hex");
  const { traceId = digest.slice(0, 32), sampled = true } = client ?? {};
  return { traceId, spanId: digest.slice(32, 48), sampled };
}

/** The hub's part in traces: a span for each job, and below it one for each unit, as far as they are looked at. */
export class JobTraces {
  readonly #options: JobTracesOptions;
  readonly #jobs = new Map<string, TracedJob>();
  readonly #units = new Map<LeaseNo, Span>();

  constructor(options: JobTracesOptions) {
    this.#options = options;
  }

  /** A unit is leased. Gives what its worker is to be told, where it is looked at. */
  leased(
    { submission }: JobEntry,
    lease: LeaseNo,
    worker: string,
    count: number,
    copy: boolean,
  ): string | undefined {
    const job = this.#jobOf(submission.spec);
    if (job === undefined || !job.own.sampled) return undefined;
    const { tracer, wallMs } = this.#options;
    job.firstLeaseMs ??= wallMs();
    if (!job.units.next()) return undefined;
    if (tracer === undefined) return job.client === undefined ? undefined : formatTraceparent(job.client);
    const span = tracer.start(`unit ${submission.spec.title}`, {
      kind: "producer",
      parent: job.own,
      attributes: {
        "musketeers.job": submission.spec.job,
        "musketeers.worker": worker,
        "musketeers.inputs": count,
        "musketeers.copy": copy,
      },
    });
    this.#units.set(lease, span);
    return span.traceparent;
  }

  /** Results of a unit came, the last ones perhaps. */
  progressed({ lease }: OpenLease, failures: number): void {
    const span = this.#units.get(lease);
    if (span !== undefined && failures > 0) span.event(`${failures} inputs failed`);
  }

  /** A unit is over: its results are stored, or why there are none. */
  ended(lease: LeaseNo, error?: string): void {
    const span = this.#units.get(lease);
    this.#units.delete(lease);
    span?.end(error);
  }

  /** A worker is gone, and what it had leased with it. */
  workerGone(leases: Iterable<OpenLease>): void {
    if (this.#units.size === 0) return;
    for (const { lease } of leases) this.ended(lease, "its worker is gone");
  }

  jobEnded({ spec, submittedAtMs, size, failed }: JobEntry, { state, reason }: EffectOf<"EndJob">): void {
    const job = this.#jobOf(spec);
    this.#jobs.delete(spec.job);
    const { tracer } = this.#options;
    if (job === undefined || tracer === undefined) return;
    const span = tracer.start(`job ${spec.title}`, {
      kind: "server",
      parent: job.client,
      context: job.own,
      startMs: submittedAtMs,
      attributes: {
        "musketeers.job": spec.job,
        "musketeers.inputs": size,
        "musketeers.failed": failed,
        "musketeers.state": state,
      },
    });
    if (job.firstLeaseMs !== undefined) span.event("first unit leased", job.firstLeaseMs);
    span.end(state === "done" ? undefined : reason || state);
  }

  /** Hands over what is left. */
  async close(): Promise<void> {
    for (const lease of [...this.#units.keys()]) this.ended(lease, "the hub stopped");
    await this.#options.tracer?.close();
  }

  /** Undefined where nobody looks at it. */
  #jobOf(spec: JobSpec): TracedJob | undefined {
    const known = this.#jobs.get(spec.job);
    if (known !== undefined) return known;
    const client = parseTraceparent(spec.trace ?? "");
    if (client === undefined && this.#options.tracer === undefined) return undefined;
    const units = new Thinning(this.#options.limits.traceUnitsPerStep);
    const job = { units, client, own: derived(spec, client), firstLeaseMs: undefined };
    this.#jobs.set(spec.job, job);
    return job;
  }
}
