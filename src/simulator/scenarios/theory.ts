/* Known results that the simulator is held against. */

/**
 * Erlang's C formula (1917): the probability that a customer of M/M/c must wait.
 * @param servers c
 * @param load arrival rate over service rate of one server; below `servers`
 */
export function erlangC(servers: number, load: number): number {
  // Erlang B by its recursion, which does not overflow; then C from B.
  let blocking = 1;
  for (let c = 1; c <= servers; c++) blocking = (load * blocking) / (c + load * blocking);
  return (servers * blocking) / (servers - load * (1 - blocking));
}

/** Mean time in the queue of M/M/c, in the unit of `meanServiceMs`. */
export function meanWaitMs(servers: number, meanGapMs: number, meanServiceMs: number): number {
  const load = meanServiceMs / meanGapMs;
  return (erlangC(servers, load) * meanServiceMs) / (servers - load);
}

/** Lower bound of any schedule's makespan: all work shared, or the longest single piece. */
export const makespanBound = (worksMs: readonly number[], slots: number): number =>
  Math.max(...worksMs, worksMs.reduce((total, work) => total + work, 0) / slots);

/** Graham (1969): a list schedule is at most this many times as long as the best. */
export const grahamFactor = (slots: number): number => 2 - 1 / slots;

/** Young (1974): the interval between checkpoints, first order: √(2 cost · MTBF). */
export const youngMs = (costMs: number, mtbfMs: number): number => Math.sqrt(2 * costMs * mtbfMs);

/** Daly (2006): higher order, of work between two checkpoints; the MTBF itself where a checkpoint costs twice that. */
export function dalyMs(costMs: number, mtbfMs: number): number {
  if (costMs >= 2 * mtbfMs) return mtbfMs;
  const ratio = costMs / (2 * mtbfMs);
  return Math.sqrt(2 * costMs * mtbfMs) * (1 + Math.sqrt(ratio) / 3 + ratio / 9) - costMs;
}

/**
 * Daly's complete expectation of the time that `workMs` takes with memoryless failures:
 * M · e^(R/M) · (e^((τ+δ)/M) − 1) · W/τ.
 */
export const expectedMs = (
  workMs: number,
  { intervalMs, costMs, restartMs }: { intervalMs: number; costMs: number; restartMs: number },
  mtbfMs: number,
): number =>
  mtbfMs * Math.exp(restartMs / mtbfMs) * Math.expm1((intervalMs + costMs) / mtbfMs) * (workMs / intervalMs);
