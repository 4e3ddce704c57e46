/** A place in a trace, as W3C Trace Context names it; ids are lower-case hexadecimal. */
export interface TraceContext {
  /** 16 bytes, the same for all spans of a trace. */
  readonly traceId: string;
  /** 8 bytes. */
  readonly spanId: string;
  /** Whether spans below it are wanted. */
  readonly sampled: boolean;
}

/** Characters of a `traceparent` of version 00. */
export const TRACEPARENT_LENGTH = 55;

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Reads a `traceparent` (W3C Trace Context, level 1, version 00); undefined for what is none. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const [, traceId = "", spanId = "", flags = ""] = pattern.exec(text) ?? [];
  if (!/[1-9a-f]/.test(traceId) || !/[1-9a-f]/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
