import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Shares } from "./shares.ts";

interface ModelHub {
  /** What its units take, one after the other. */
  readonly unitMs: () => number;
  /** From the end of a unit until the next one is there. */
  readonly answerMs: number;
  /** Whether it has work at a time. */
  readonly works: (nowMs: number) => boolean;
  /** Units that it leaves here at once beyond the slots that it was told of. */
  readonly ahead: number;
}

interface Unit {
  readonly hub: number;
  atMs: number;
}

/** Hubs that keep a worker in units, and slots that run them: an independent model around the arbiter. */
function run(hubs: readonly ModelHub[], weights: readonly number[], slots: number, untilMs: number) {
  const shares = new Shares({ slots, weights, waitMs: 250, lagMs: 30_000 });
  const running: Unit[] = [];
  const coming: Unit[] = [];
  const state = hubs.map(() => ({ busy: 0, waiting: 0, under: 0, usedMs: 0 }));
  let idleMs = 0;
  let nowMs = 0;
  const order = (hub: number) => {
    const mine = state[hub]!;
    while (hubs[hub]!.works(nowMs) && mine.under < shares.offer(hub) + hubs[hub]!.ahead) {
      mine.under++;
      coming.push({ hub, atMs: nowMs + hubs[hub]!.answerMs });
    }
  };
  const tell = (hub: number) => {
    const { busy, waiting } = state[hub]!;
    shares.claim(nowMs, hub, { busy, waiting, open: true });
  };
  const settle = () => {
    for (const hub of hubs.keys()) tell(hub);
    for (let hub = shares.next(nowMs); hub !== undefined; hub = shares.next(nowMs)) {
      expect(state[hub]!.waiting).toBeGreaterThan(0);
      expect(running.length).toBeLessThan(slots);
      state[hub]!.waiting--;
      state[hub]!.busy++;
      running.push({ hub, atMs: nowMs + hubs[hub]!.unitMs() });
      tell(hub);
    }
    for (const hub of hubs.keys()) order(hub);
  };
  settle();
  let steps = 0;
  while (nowMs < untilMs && steps++ < 100_000) {
    const wakeMs = shares.wakeAtMs() ?? Number.POSITIVE_INFINITY;
    const nextMs = Math.min(wakeMs, nowMs + 1000, ...[...running, ...coming].map(({ atMs }) => atMs));
    const passedMs = nextMs - nowMs;
    for (const { hub } of running) state[hub]!.usedMs += passedMs;
    if (state.some(({ waiting }) => waiting > 0)) idleMs += (slots - running.length) * passedMs;
    nowMs = nextMs;
    for (const list of [running, coming]) {
      for (const unit of list.filter(({ atMs }) => atMs <= nowMs)) {
        list.splice(list.indexOf(unit), 1);
        const mine = state[unit.hub]!;
        if (list === coming) mine.waiting++;
        else {
          mine.busy--;
          mine.under--;
        }
      }
    }
    settle();
  }
  return { used: state.map(({ usedMs }) => usedMs), idleMs };
}

const always = () => true;
const steady = (unitMs: number, answerMs: number, ahead = 0): ModelHub => ({
  unitMs: () => unitMs,
  answerMs,
  works: always,
  ahead,
});
const part = ({ used }: { used: readonly number[] }, hub: number): number =>
  used[hub]! / used.reduce((sum, ms) => sum + ms, 0);

describe("shares of a worker's slots", () => {
  it("hold while all hubs have work, whatever their units take and however long the next one is on its way", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(
          fc.record({
            weight: fc.integer({ min: 1, max: 9 }),
            unitMs: fc.integer({ min: 400, max: 4_000 }),
            // Of a unit's time; where a slot stands empty for longer between two units, its hub loses more than that.
            answerPercent: fc.integer({ min: 0, max: 10 }),
          }),
          { minLength: 2, maxLength: 3 },
        ),
        (slots, list) => {
          const hubs = list.map(({ unitMs, answerPercent }) =>
            steady(unitMs, Math.min(200, Math.floor((unitMs * answerPercent) / 100))),
          );
          const weights = list.map(({ weight }) => weight);
          const all = weights.reduce((sum, weight) => sum + weight, 0);
          const result = run(hubs, weights, slots, 600_000);
          for (const hub of hubs.keys()) {
            // Kept slots count as used by whom they are kept for.
            expect(Math.abs(part(result, hub) - weights[hub]! / all)).toBeLessThan(0.15);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("are 70 to 30 on one slot where each hub has one unit at a time, and on many with units ahead", () => {
    expect(part(run([steady(1000, 20), steady(1000, 20)], [70, 30], 1, 600_000), 0)).toBeCloseTo(0.7, 1);
    expect(part(run([steady(10_000, 20), steady(300, 50)], [70, 30], 1, 600_000), 0)).toBeCloseTo(0.7, 1);
    expect(part(run([steady(1000, 5, 2), steady(700, 5, 2)], [70, 30], 8, 600_000), 0)).toBeCloseTo(0.7, 1);
  });

  it("leave all slots to a hub while the others have no work, and give nothing back for it later", () => {
    const late: ModelHub = { unitMs: () => 500, answerMs: 10, ahead: 0, works: (nowMs) => nowMs > 300_000 };
    const alone = run([steady(500, 10, 1), late], [10, 90], 2, 300_000);
    expect(alone.used[0]).toBeGreaterThan(0.95 * 2 * 300_000);
    const both = run([steady(500, 10, 1), late], [10, 90], 2, 600_000);
    expect(both.used[0]! - alone.used[0]!).toBeGreaterThan(0.05 * 2 * 300_000);
    expect(both.used[1]).toBeGreaterThan(0.8 * 2 * 300_000);
  });

  it("shareWaitMs: keep no slot for long for a hub whose units are short and rare", () => {
    const rare: ModelHub = { unitMs: () => 5, answerMs: 300, ahead: 0, works: always };
    const result = run([steady(1000, 5, 1), rare], [50, 50], 1, 300_000);
    expect(result.idleMs).toBeLessThan(0.01 * 300_000);
    expect(result.used[0]).toBeGreaterThan(0.97 * 300_000);
    // It gets a slot whenever one is free, all the same.
    expect(result.used[1]).toBeGreaterThan(5 * 200);
  });

  it("shareLagMs: a hub that could use little for long catches up on so much only", () => {
    const shares = new Shares({ slots: 2, weights: [1, 1], waitMs: 250, lagMs: 5_000 });
    const one = { busy: 1, waiting: 0, open: true };
    shares.claim(0, 0, { busy: 0, waiting: 1, open: true });
    shares.claim(0, 1, one);
    // The second hub has one slot and more to do; the first waits for an age.
    for (let nowMs = 0; nowMs <= 100_000; nowMs += 1000) shares.claim(nowMs, 1, { ...one, waiting: 1 });
    let caughtUpMs = 0;
    let nowMs = 100_000;
    shares.claim(nowMs, 1, { busy: 0, waiting: 9, open: true });
    for (; shares.next(nowMs) === 0 && caughtUpMs < 60_000; nowMs += 1000) {
      shares.claim(nowMs, 0, { busy: 1, waiting: 9, open: true });
      shares.claim(nowMs + 1000, 0, { busy: 0, waiting: 9, open: true });
      caughtUpMs += 1000;
    }
    expect(caughtUpMs).toBeGreaterThanOrEqual(4_000);
    expect(caughtUpMs).toBeLessThanOrEqual(7_000);
  });

  it("offer each hub all slots while it is alone, and its share rounded up while it is not", () => {
    const shares = new Shares({ slots: 4, weights: [70, 30], waitMs: 250, lagMs: 30_000 });
    expect([shares.offer(0), shares.offer(1)]).toEqual([4, 4]);
    shares.claim(0, 0, { busy: 4, waiting: 2, open: true });
    expect([shares.offer(0), shares.offer(1)]).toEqual([4, 2]);
    shares.claim(1, 1, { busy: 0, waiting: 1, open: true });
    expect([shares.offer(0), shares.offer(1)]).toEqual([3, 2]);
    shares.claim(2, 1, { busy: 0, waiting: 0, open: true });
    expect(shares.offer(0)).toBe(3);
    expect(shares.wakeAtMs()).toBe(252);
    expect(shares.next(300)).toBeUndefined();
    expect(shares.offer(0)).toBe(4);
  });
});
