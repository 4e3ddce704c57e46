import { type Hours, isWithin } from "./hours.ts";

/** When a volunteer's machine may work. */
export interface Rules {
  /** Times of the day; any where nothing is said. */
  readonly hours?: readonly Hours[];
  /** Only while nobody uses the machine. */
  readonly whenIdle?: {
    /** How long nobody must have touched it. */
    readonly idleForMs: number;
    /** Share of the processors, 0 to 1, that other programs may use. */
    readonly othersMax: number;
  };
  /** On a battery. */
  readonly onBattery: "run" | "pause";
}

/** What is known of the machine now; undefined is what cannot be told here. */
export interface Reading {
  /** Local time, in minutes since midnight. */
  readonly minuteOfDay: number;
  /** Since the last key or movement. */
  readonly untouchedMs: number | undefined;
  /** Share of the processors, 0 to 1, that other programs use. */
  readonly others: number | undefined;
  readonly onBattery: boolean | undefined;
  /** Its owner said so. */
  readonly toldToPause: boolean;
}

/**
 * Why the machine may not work now, in words; undefined where it may. What cannot be told counts against work
 * only where nothing else says that the machine is free.
 */
export function reasonToPause(rules: Rules, reading: Reading): string | undefined {
  const { hours, whenIdle, onBattery } = rules;
  if (reading.toldToPause) return "you said so";
  if (hours !== undefined && !isWithin(hours, reading.minuteOfDay)) return "it is not the time";
  if (onBattery === "pause" && reading.onBattery === true) return "it runs on its battery";
  if (whenIdle === undefined) return undefined;
  const { untouchedMs, others } = reading;
  if (untouchedMs !== undefined && untouchedMs < whenIdle.idleForMs) return "somebody uses it";
  if (others !== undefined && others > whenIdle.othersMax) return "other programs use it";
  if (untouchedMs === undefined && others === undefined) return "nothing tells whether anybody uses it";
  return undefined;
}
