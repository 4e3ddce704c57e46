import { styleText } from "node:util";
import type { Environment } from "../terminal.ts";

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  accent(text: string): string;
}

type Colours = Parameters<typeof styleText>[0];

/**
 * Colours for one stream: on for terminals, unless NO_COLOR is set (https://no-color.org) or the terminal
 * is dumb; FORCE_COLOR puts them on anywhere.
 */
export function styleFor(isTTY: boolean, env: Environment): Style {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0";
  const off = Boolean(env.NO_COLOR) || (!forced && (!isTTY || env.TERM === "dumb"));
  const paint = (format: Colours) => (text: string) =>
    off ? text : styleText(format, text, { validateStream: false });
  return {
    bold: paint("bold"),
    dim: paint("dim"),
    good: paint("green"),
    bad: paint("red"),
    accent: paint("cyan"),
  };
}
