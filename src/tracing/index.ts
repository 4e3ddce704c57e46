/** Spans of OpenTelemetry, and their way to whoever collects them. */
export { SpanExporter } from "./exporter.ts";
export { type Environment, tracerFromEnvironment } from "./from-environment.ts";
export type { Attributes } from "./otlp.ts";
export { Thinning } from "./thinning.ts";
export { type Span, Tracer } from "./tracer.ts";
