import { decodeValue, encodeValue, MusketeersError } from "../../../protocol/index.ts";

/* Values as programs of other languages read and write them: JSON, with bytes as `{"$bytes": "…base64"}`. */

const BYTES = "$bytes";
const ERROR = "$error";

/** A failure that a program reports by itself, as `{"$error": {"name": …, "message": …}}`. */
export class ReportedFailure extends Error {}

function toPlain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { [BYTES]: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return toPlain(Object.fromEntries(value));
  if (value instanceof Set) return [...value].map(toPlain);
  if (typeof value === "bigint") {
    if (Number.isSafeInteger(Number(value))) return Number(value);
    throw new MusketeersError("UNSERIALIZABLE", `A container reads JSON, which has no number ${value}`);
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toPlain(item)]));
}

function fromPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === BYTES && typeof first[1] === "string")
    return new Uint8Array(Buffer.from(first[1], "base64"));
  return Object.fromEntries(entries.map(([name, item]) => [name, fromPlain(item)]));
}

/** An input as a line of JSON. @throws MusketeersError `UNSERIALIZABLE` */
export const lineOf = (record: Uint8Array): string =>
  `${JSON.stringify(toPlain(decodeValue(record))) ?? "null"}\n`;

/**
 * A line of JSON as a result.
 * @throws ReportedFailure for a failure that it reports, SyntaxError for what is no JSON
 */
export function recordOf(line: string): Uint8Array {
  const value: unknown = JSON.parse(line);
  const reported =
    typeof value === "object" && value !== null ? (value as { [ERROR]?: unknown })[ERROR] : undefined;
  if (reported !== undefined && Object.keys(value as object).length === 1) {
    const { name = "Error", message = "" } = Object(reported) as { name?: unknown; message?: unknown };
    const failure = new ReportedFailure(typeof reported === "string" ? reported : String(message));
    failure.name = String(name);
    throw failure;
  }
  return encodeValue(fromPlain(value));
}
