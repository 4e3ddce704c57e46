import { formatTraceparent, type TraceContext } from "../protocol/index.ts";
import type { SpanExporter } from "./exporter.ts";
import type { Attributes, AttributeValue, SpanKind } from "./otlp.ts";

export interface SpanStart {
  readonly kind?: SpanKind;
  /** Undefined: it begins a trace of its own. */
  readonly parent?: TraceContext | undefined;
  /** Its ids, where they follow from something; drawn by chance where nothing is said. */
  readonly context?: TraceContext;
  readonly startMs?: number;
  readonly attributes?: Attributes;
}

/** One thing that is under way. */
export interface Span {
  readonly context: TraceContext;
  /** For whoever goes on with it elsewhere. */
  readonly traceparent: string;
  set(name: string, value: AttributeValue): void;
  event(name: string, atMs?: number): void;
  /** Once; later calls do nothing. @param error why it did not go well */
  end(error?: string): void;
}

function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export interface TracerOptions {
  readonly exporter: SpanExporter;
  /** What begins here belongs to this trace. */
  readonly parent?: TraceContext | undefined;
  /** Wall clock, in milliseconds since 1970. */
  readonly nowMs?: () => number;
}

/** Makes spans and hands those that are over to the exporter. */
export class Tracer {
  readonly #exporter: SpanExporter;
  readonly #parent: TraceContext | undefined;
  readonly #nowMs: () => number;

  constructor({ exporter, parent, nowMs = Date.now }: TracerOptions) {
    this.#exporter = exporter;
    this.#parent = parent;
    this.#nowMs = nowMs;
  }

  start(name: string, options: SpanStart = {}): Span {
    const { kind = "internal", parent = this.#parent } = options;
    const context = options.context ?? {
      traceId: parent?.traceId ?? randomHex(16),
      spanId: randomHex(8),
      sampled: parent?.sampled ?? true,
    };
    const startMs = options.startMs ?? this.#nowMs();
    const attributes: Record<string, AttributeValue> = { ...options.attributes };
    const events: { name: string; atMs: number }[] = [];
    let over = false;
    return {
      context,
      traceparent: formatTraceparent(context),
      set: (key, value) => {
        attributes[key] = value;
      },
      event: (event, atMs = this.#nowMs()) => void events.push({ name: event, atMs }),
      end: (error) => {
        if (over || !context.sampled) return;
        over = true;
        const endMs = this.#nowMs();
        const parentSpanId = parent?.spanId;
        this.#exporter.add({ name, kind, context, parentSpanId, startMs, endMs, attributes, events, error });
      },
    };
  }

  /** Hands over what is left, within a bounded time. */
  close(): Promise<void> {
    return this.#exporter.close();
  }
}
