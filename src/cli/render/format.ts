/** Numbers as people read them. */

const GROUPS = /\B(?=(\d{3})+$)/g;

/** `1234567` as `1,234,567`. */
export const count = (value: number): string => String(Math.round(value)).replace(GROUPS, ",");

/** Bytes with a binary unit, such as `3.7 GB` for 4 GB of memory in use. */
export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** A length of time in its two largest units, such as `340 ms`, `4.2 s`, `3 min 5 s`, `2 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const pair = (large: number, largeUnit: string, small: number, smallUnit: string) =>
    small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** Events a second: `1,234/s`, and `3.4/min` where they are rare. */
export function rate(perSecond: number): string {
  if (perSecond >= 9.95) return `${count(perSecond)}/s`;
  if (perSecond >= 0.1 || perSecond === 0) return `${perSecond.toFixed(perSecond === 0 ? 0 : 1)}/s`;
  return `${(perSecond * 60).toFixed(1)}/min`;
}

/** `part` of `whole`, rounded down so that 100 % means all. */
export const percent = (part: number, whole: number): string =>
  whole === 0 ? "0 %" : `${Math.floor((part / whole) * 100)} %`;

/** `1 input`, `2 inputs`. */
export const plural = (number: number, noun: string): string =>
  `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** The first `lengthMax` characters, with an ellipsis where some are missing. */
export const clip = (text: string, lengthMax: number): string =>
  text.length <= lengthMax ? text : `${text.slice(0, Math.max(0, lengthMax - 1))}…`;

/** Text from elsewhere without what a terminal would obey: control characters are shown as `�`. */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd");

/** The same on one line: what has a line end in it must not look like two. */
export const printableLine = (text: string): string => printable(text).replace(/[\t\n]/g, "\ufffd");
