import type { Job, Scheduler } from "../state/state.ts";

const CARVE_INPUTS_MIN = 1_024;
const CARVE_UNITS = 4;

/**
 * Sees to it that the mark is above fresh inputs that are leased. It runs ahead of the leases, so that it is
 * seldom written.
 */
export function raiseCarveMark(state: Scheduler, job: Job, leasedEnd: number, unit: number): void {
  if (leasedEnd <= job.carveMark) return;
  const step = Math.max(CARVE_INPUTS_MIN, CARVE_UNITS * unit);
  job.carveMark = Math.ceil(leasedEnd / step) * step;
  state.effects.push({ type: "RecordCarveMark", job: job.id, mark: job.carveMark });
}
