/** Colours of canvases, read from the style sheet, so that both follow the reader's scheme. */
export interface Palette {
  readonly ink: string;
  readonly quiet: string;
  readonly line: string;
  readonly sunk: string;
  readonly accent: string;
  readonly good: string;
  readonly bad: string;
  readonly warn: string;
  readonly info: string;
  readonly vote: string;
  readonly dark: boolean;
}

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: read("ink"),
    quiet: read("quiet"),
    line: read("line"),
    sunk: read("sunk"),
    accent: read("accent"),
    good: read("good"),
    bad: read("bad"),
    warn: read("warn"),
    info: read("info"),
    vote: read("vote"),
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
  };
}

/** A worker's colour: the same wherever it is seen. Reds are left out, they mean failure. */
export function colourOf(worker: string, dark: boolean): string {
  if (worker === "") return dark ? "#6f6a63" : "#a8a197";
  let hash = 2_166_136_261;
  for (let at = 0; at < worker.length; at++) hash = Math.imul(hash ^ worker.charCodeAt(at), 16_777_619);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  const turn = ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
  const hue = 55 + 270 * turn;
  const step = ((hash >>> 5) % 3) * 0.1;
  const chroma = ((hash >>> 9) & 1) === 0 ? 0.13 : 0.075;
  return `oklch(${((dark ? 0.58 : 0.52) + step).toFixed(2)} ${chroma} ${hue.toFixed(1)})`;
}
