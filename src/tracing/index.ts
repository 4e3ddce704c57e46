/** Spans of OpenTelemetry, and their way to whoever collects them. */
export { tracerFromEnvironment } from "./from-environment.ts";
export { Thinning } from "./thinning.ts";
export { type Span, Tracer } from "./tracer.ts";
