/** Numbers and times as people read them, by the reader's own habits. */

let locale: string | undefined;
let whole: Intl.NumberFormat;
let short: Intl.NumberFormat;
let compact: Intl.NumberFormat;
let moment: Intl.DateTimeFormat;
let clock: Intl.DateTimeFormat;
let names: Intl.ListFormat;

/** Says by whose habits; the reader's where nothing is said. */
export function useLocale(wished?: string): void {
  locale = wished;
  whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  short = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
  names = new Intl.ListFormat(locale, { type: "conjunction" });
}

useLocale();

export const count = (value: number): string => whole.format(value);

/** `26.5K`, where there is little room. */
export const about = (value: number): string =>
  value < 10_000 ? whole.format(value) : compact.format(value);

export const rate = (perSecond: number): string =>
  `${perSecond >= 10 ? about(perSecond) : short.format(perSecond)}/s`;

/** Neither nothing nor all where it is only nearly so. */
export const percent = (share: number): string =>
  share > 0 && share < 0.01 ? "< 1 %" : `${whole.format(Math.floor(100 * share))} %`;

export const plural = (number: number, one: string, many = `${one}s`): string =>
  `${whole.format(number)} ${number === 1 ? one : many}`;

export const dateTime = (ms: number): string => moment.format(ms);

export const timeOfDay = (ms: number): string => clock.format(ms);

export const list = (items: readonly string[]): string => names.format(items);

export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${short.format(value / 1024 ** power)} ${units[power]}`;
}

/** `0.8 s`, of what is short. */
export const seconds = (ms: number): string => `${short.format(ms / 1000)} s`;

/** The largest fitting unit only: `3 min`, `2 h`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Two units where the first is small: `1 min 20 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60 || seconds >= 36_000) return age(ms);
  if (seconds < 600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 3600) return age(ms);
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** How far back a timeline of so many milliseconds reaches: `the last 2 minutes`. */
export function lately(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (ms === 0) return "no result yet";
  if (minutes === 0) return "since the first result";
  return minutes === 1 ? "the last minute" : `the last ${whole.format(minutes)} minutes`;
}
