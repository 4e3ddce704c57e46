import { MusketeersError } from "../../protocol/index.ts";

/** A span of the day in minutes since midnight; one that ends before it starts goes over midnight. */
export interface Hours {
  readonly startMinute: number;
  readonly endMinute: number;
}

const DAY_MINUTES = 24 * 60;
const pattern = /^(\d{1,2})(?::([0-5]\d))?-(\d{1,2})(?::([0-5]\d))?$/;

function minuteOf(hour: string, minute = "0"): number | undefined {
  const total = Number(hour) * 60 + Number(minute);
  return total <= DAY_MINUTES ? total : undefined;
}

/**
 * Reads spans of the day, local time: `22-07`, `22:30-6`, or several with commas.
 * @throws MusketeersError `BAD_ARGUMENT`
 */
export function parseHours(text: string): readonly Hours[] {
  return text.split(",").map((part) => {
    const match = pattern.exec(part.trim());
    const startMinute = match === null ? undefined : minuteOf(match[1]!, match[2]);
    const endMinute = match === null ? undefined : minuteOf(match[3]!, match[4]);
    if (startMinute === undefined || endMinute === undefined || startMinute === endMinute) {
      throw new MusketeersError("BAD_ARGUMENT", `No hours of a day: ${JSON.stringify(part)}`, {
        hint: "Give them as 22-07 or 22:30-6:15; several with commas.",
      });
    }
    return { startMinute, endMinute };
  });
}

/** Whether a minute of the day is in one of the spans; their ends are not. */
export const isWithin = (hours: readonly Hours[], minute: number): boolean =>
  hours.some(({ startMinute, endMinute }) =>
    startMinute < endMinute
      ? minute >= startMinute && minute < endMinute
      : minute >= startMinute || minute < endMinute,
  );
