/**
 * Any value that a task can return as one line of JSON. What JSON has no words for: dates as ISO text,
 * big integers as text, maps as lists of pairs, sets as lists, bytes as base64, `undefined`, `NaN` and
 * infinities as null.
 */
export const jsonLine = (value: unknown): string => `${JSON.stringify(toPlain(value))}\n`;

function toPlain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value === undefined) return null;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Map) return [...value].map(([key, item]) => [toPlain(key), toPlain(item)]);
  if (value instanceof Set) return [...value].map(toPlain);
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (ArrayBuffer.isView(value)) return viewToPlain(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item)]));
}

function viewToPlain(view: ArrayBufferView): unknown {
  if (view instanceof Uint8Array || view instanceof DataView) {
    return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64");
  }
  return Array.from(view as unknown as ArrayLike<number | bigint>, toPlain);
}
