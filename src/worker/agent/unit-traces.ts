import { type LeaseMessage, parseTraceparent, type TraceContext } from "../../protocol/index.ts";
import type { Span, Tracer } from "../../tracing/index.ts";

interface TracedUnit {
  readonly parent: TraceContext;
  readonly title: string;
  readonly count: number;
  readonly receivedMs: number;
  span: Span | undefined;
  failed: number;
}

/** A worker's part in traces: a span for each unit that its hub looks at, from its first run to its last result. */
export class UnitTraces {
  readonly #tracer: Tracer;
  readonly #nowMs: () => number;
  readonly #units = new Map<string, TracedUnit>();

  constructor(tracer: Tracer, nowMs: () => number) {
    this.#tracer = tracer;
    this.#nowMs = nowMs;
  }

  received({ lease, trace = "", task, count }: LeaseMessage): void {
    const parent = parseTraceparent(trace);
    if (parent === undefined || this.#units.has(lease)) return;
    const receivedMs = this.#nowMs();
    this.#units.set(lease, { parent, title: task.title, count, receivedMs, span: undefined, failed: 0 });
  }

  began(lease: string): void {
    const unit = this.#units.get(lease);
    if (unit === undefined || unit.span !== undefined) return;
    const { parent, title, count, receivedMs } = unit;
    const waitedMs = this.#nowMs() - receivedMs;
    const attributes = { "musketeers.inputs": count, "musketeers.waited_ms": waitedMs };
    unit.span = this.#tracer.start(`execute ${title}`, { kind: "consumer", parent, attributes });
  }

  progressed(lease: string, failed: number, done: boolean): void {
    const unit = this.#units.get(lease);
    if (unit === undefined) return;
    unit.failed += failed;
    if (done) this.ended(lease);
  }

  /** @param why it has no results, or not all */
  ended(lease: string, why?: string): void {
    const unit = this.#units.get(lease);
    if (unit === undefined) return;
    this.#units.delete(lease);
    unit.span?.set("musketeers.failed", unit.failed);
    unit.span?.end(why);
  }

  /** The worker leaves. */
  close(): void {
    for (const lease of [...this.#units.keys()]) this.ended(lease, "the worker left");
  }
}
