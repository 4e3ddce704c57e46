/** Values as text, for people and for files. What JSON has no word for is written so that one sees what it was. */

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return [...(value as Uint8Array)];
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return value;
}

/** JSON on one line; `null` for nothing. */
export const jsonOf = (value: unknown): string => JSON.stringify(value, plain) ?? "null";

/** Text as it is, everything else as JSON. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : jsonOf(value));

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A spreadsheet takes what begins like this for a formula (OWASP, CSV injection). */
const harmless = (text: string): string => (/^[=+@\t\r]|^-(?!\d)/.test(text) ? `'${text}` : text);

/** Fields as one line of CSV (RFC 4180). */
export const csvLine = (fields: readonly unknown[]): string =>
  `${fields.map((field) => quoted(harmless(textOf(field)))).join(",")}\r\n`;

/** The names of a value's fields, where it has some: columns of its own in a table. */
export const columnsOf = (value: unknown): readonly string[] | undefined =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.getPrototypeOf(value) === Object.prototype
    ? Object.keys(value)
    : undefined;
