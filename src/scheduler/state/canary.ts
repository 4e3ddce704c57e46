import { CANARY_BASE, type Ranges } from "../../protocol/index.ts";

export const isCanary = (input: number): boolean => input >= CANARY_BASE;

/** Of the ranges of a unit those that are the job's own inputs. */
export const withoutCanaries = (ranges: Ranges): Ranges =>
  ranges.some(([start]) => isCanary(start)) ? ranges.filter(([start]) => !isCanary(start)) : ranges;
