import type { Availability, Draw, Presence, Random } from "../types.ts";
import { type Distribution, weibull } from "./distributions.ts";

/*
 * When volunteers' machines are there. That the times follow heavy-tailed distributions, with a hazard that falls the
 * longer a machine has been on, is the finding of B. Javadi, D. Kondo, J.-M. Vincent and D. P. Anderson,
 * "Discovering Statistical Models of Availability in Large Distributed Systems: An Empirical Study of SETI@home",
 * IEEE Transactions on Parallel and Distributed Systems 22(11), 2011. The parameters below are assumptions of that
 * kind (Weibull shapes well below 1), not that paper's tables: put in your own where you have traces.
 */

const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Whether a node begins on or off, by the long run; a stationary start needs no warming up. */
const beginsOn = (random: Random, on: Distribution, off: Distribution): boolean =>
  random.chance(on.mean / (on.mean + off.mean));

/** On and off by turns. Begins as in the long run. */
export const alternating =
  (on: Distribution, off: Distribution): Availability =>
  (random, { online, turn }) => {
    const next = turn === 0 ? beginsOn(random, on, off) : !online;
    return { online: next, forMs: next ? on(random) : off(random) };
  };

/** The assumed volunteers: on for 8 h in the mean, half of the times under an hour; off for 8 h. */
export const volunteerOn = weibull(0.5, 4 * HOUR_MS);
export const volunteerOff = weibull(0.6, 5.3 * HOUR_MS);

/** Heavy-tailed availability. */
export const volunteer: Availability = alternating(volunteerOn, volunteerOff);

/** There from the start; each stay is memoryless with this mean, each absence too. For experiments with churn. */
export const churn =
  (meanOnMs: number, meanOffMs: number): Availability =>
  (random, { online }): Presence => ({
    online: !online,
    forMs: (online ? meanOffMs : meanOnMs) * random.exponential(),
  });

/** Is switched on in the morning and off in the evening, each day a little differently. Day 0 begins at midnight. */
export function diurnal({
  onHour = 9,
  offHour = 18,
  spreadHours = 1.5,
  weekdayShare = 1,
}: {
  readonly onHour?: number;
  readonly offHour?: number;
  /** Standard deviation of both. */
  readonly spreadHours?: number;
  /** Share of the days on which it is switched on at all. */
  readonly weekdayShare?: number;
} = {}): Availability {
  return (random, { nowMs, online, turn }) => {
    const hour = (usual: number) => (usual + spreadHours * random.normal()) * HOUR_MS;
    const isMorning = !online && turn > 0;
    if (isMorning && random.chance(weekdayShare)) {
      const untilMs = startOfDay(nowMs) + hour(offHour);
      return { online: true, forMs: Math.max(60_000, untilMs - nowMs) };
    }
    const morningMs = startOfDay(nowMs) + hour(onHour);
    const nextMs = morningMs > nowMs && !isMorning ? morningMs : morningMs + DAY_MS;
    return { online: false, forMs: Math.max(60_000, nextMs - nowMs) };
  };
}

const startOfDay = (nowMs: number): number => Math.floor(nowMs / DAY_MS) * DAY_MS;

/** As `base`, until its life is over: then it leaves for ever. A life begins when its node is first asked. */
export function mortal(base: Availability, lifeMs: Draw): Availability {
  // A node is known by its source of random numbers: one of its own in every run.
  const ends = new WeakMap<Random, number>();
  return (random, now) => {
    const endMs = ends.get(random) ?? now.nowMs + (typeof lifeMs === "number" ? lifeMs : lifeMs(random));
    ends.set(random, endMs);
    if (now.nowMs >= endMs) return { online: false, forMs: Number.POSITIVE_INFINITY };
    const presence = base(random, now);
    return { ...presence, forMs: Math.min(presence.forMs, endMs - now.nowMs) };
  };
}
