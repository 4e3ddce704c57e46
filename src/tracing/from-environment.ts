import { type Limits, MusketeersError, PACKAGE_VERSION, parseTraceparent } from "../protocol/index.ts";
import { SpanExporter } from "./exporter.ts";
import { type Attributes, encodeSpans, type FinishedSpan } from "./otlp.ts";
import { Tracer } from "./tracer.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Pairs as OpenTelemetry writes them: `key=value,key=value`, percent-encoded. */
function pairsOf(text = ""): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    if (at > 0) pairs[part.slice(0, at).trim()] = decoded(part.slice(at + 1).trim());
  }
  return pairs;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function endpointOf(env: Environment): string | undefined {
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const common = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const off = env.OTEL_SDK_DISABLED?.toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER === "none";
  if (off) return undefined;
  if (own) return own;
  return common ? `${common.replace(/\/+$/, "")}/v1/traces` : undefined;
}

/** Where spans go, and what is said of who sends them. */
function exporterOf(
  url: string,
  env: Environment,
  resource: Attributes,
  options: FromEnvironment,
): SpanExporter {
  const headers = {
    "content-type": "application/json",
    ...pairsOf(env.OTEL_EXPORTER_OTLP_HEADERS),
    ...pairsOf(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS),
  };
  const scope = { name: "musketeers", version: PACKAGE_VERSION };
  const send = async (spans: readonly FinishedSpan[], signal: AbortSignal) => {
    const body = encodeSpans(spans, resource, scope);
    const answer = await fetch(url, { method: "POST", headers, body, signal });
    await answer.arrayBuffer();
    if (answer.ok) return;
    throw new MusketeersError("BAD_ARGUMENT", `${url} answers ${answer.status} to spans`, {
      hint: "It must take OTLP over HTTP as JSON, usually at port 4318.",
    });
  };
  const { limits, onFault } = options;
  return new SpanExporter({ limits, send, ...(onFault === undefined ? {} : { onFault }) });
}

export interface FromEnvironment {
  /** What the process is, where `OTEL_SERVICE_NAME` does not say. */
  readonly service: string;
  readonly limits: Limits;
  /** Told when spans are not taken. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * The tracer that OpenTelemetry's variables ask for; undefined where they do not. `TRACEPARENT` is the span that
 * what begins here belongs to.
 */
export function tracerFromEnvironment(env: Environment, options: FromEnvironment): Tracer | undefined {
  const url = endpointOf(env);
  if (url === undefined) return undefined;
  const resource = {
    "service.name": options.service,
    "service.version": PACKAGE_VERSION,
    ...pairsOf(env.OTEL_RESOURCE_ATTRIBUTES),
    ...(env.OTEL_SERVICE_NAME ? { "service.name": env.OTEL_SERVICE_NAME } : {}),
  };
  const exporter = exporterOf(url, env, resource, options);
  return new Tracer({ exporter, parent: parseTraceparent(env.TRACEPARENT ?? "") });
}
