import { MusketeersError } from "./errors.ts";

/** A time: milliseconds, or text such as `"500ms"`, `"30s"`, `"5m"`, `"2h"`, `"7d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** A size: bytes, or text such as `"512MB"`, `"2GiB"`. `KB`, `MB`, `GB` are powers of 1024 here as well. */
export type Size = number | `${number}${"B" | "KB" | "MB" | "GB" | "KiB" | "MiB" | "GiB"}`;

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  KIB: 1024,
  MB: 1024 ** 2,
  MIB: 1024 ** 2,
  GB: 1024 ** 3,
  GIB: 1024 ** 3,
};

function parse(
  name: string,
  value: unknown,
  unitOf: (unit: string) => number | undefined,
  example: string,
): number {
  const [, digits, unit] =
    (typeof value === "string" && /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(value)) || [];
  const factor = unit === undefined ? undefined : unitOf(unit);
  const result = typeof value === "number" ? value : Number(digits) * (factor ?? Number.NaN);
  if (!Number.isFinite(result) || result < 0) {
    throw new MusketeersError("BAD_ARGUMENT", `${name}: ${JSON.stringify(value)} is not understood`, {
      hint: `Write ${example}.`,
    });
  }
  return Math.round(result);
}

/**
 * Milliseconds of a duration.
 * @param name what it is for, for the message
 * @throws MusketeersError `BAD_ARGUMENT`
 */
export const parseDuration = (name: string, value: unknown): number =>
  parse(
    name,
    value,
    (unit) => durationUnits[unit],
    'a number of milliseconds, or text such as "30s" or "5m"',
  );

/**
 * Bytes of a size.
 * @throws MusketeersError `BAD_ARGUMENT`
 */
export const parseSize = (name: string, value: unknown): number =>
  parse(name, value, (unit) => sizeUnits[unit.toUpperCase()], 'a number of bytes, or text such as "512MB"');
