import type { Random } from "../types.ts";
import { clamp, logNormal } from "./distributions.ts";

/*
 * Speeds of one slot relative to a desktop PC's core of about 2020 (1). The medians are round figures of the order
 * that common single-thread benchmarks show, the spreads are assumptions; measure your own where it matters.
 */

export type MachineKind = "pi" | "phone" | "laptop" | "pc" | "server";

export const speeds = {
  /** Raspberry Pi 3 to 5; they differ by generation, not by copy. */
  pi: clamp(logNormal(0.25, 0.35), 0.08, 0.6),
  /** Phones throttle as they get warm. */
  phone: clamp(logNormal(0.4, 0.45), 0.1, 1.2),
  laptop: clamp(logNormal(0.8, 0.3), 0.25, 1.8),
  pc: clamp(logNormal(1, 0.3), 0.3, 2.2),
  /** Many slow cores rather than few fast ones. */
  server: clamp(logNormal(0.9, 0.15), 0.5, 1.4),
} satisfies Readonly<Record<MachineKind, (random: Random) => number>>;

/** Slots that such a machine usually gives. */
export const usualSlots: Readonly<Record<MachineKind, number>> = {
  pi: 4,
  phone: 4,
  laptop: 6,
  pc: 8,
  server: 32,
};
