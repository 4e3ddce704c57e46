import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  Governor,
  isWithin,
  type Probes,
  parseHours,
  type Reading,
  type Rules,
  reasonToPause,
  Throttle,
} from "./index.ts";

const MINUTE_MS = 60_000;
const free: Reading = {
  minuteOfDay: 12 * 60,
  untouchedMs: undefined,
  others: undefined,
  onBattery: undefined,
  toldToPause: false,
};
const anyTime: Rules = { onBattery: "run" };
const whenIdle: Rules = { onBattery: "run", whenIdle: { idleForMs: 3 * MINUTE_MS, othersMax: 0.25 } };

describe("hours of the day", () => {
  test("are read, and may go over midnight", () => {
    expect(parseHours("22-07")).toEqual([{ startMinute: 1320, endMinute: 420 }]);
    expect(parseHours("9:30-12, 13-24")).toEqual([
      { startMinute: 570, endMinute: 720 },
      { startMinute: 780, endMinute: 1440 },
    ]);
    for (const text of ["", "22", "25-3", "8-8", "7:60-9", "-3", "22-07;"]) {
      expect(() => parseHours(text)).toThrowError(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    }
  });

  test("hold the minutes from their start to their end", () => {
    const minute = fc.integer({ min: 0, max: 1439 });
    fc.assert(
      fc.property(minute, minute, minute, (startMinute, endMinute, now) => {
        fc.pre(startMinute !== endMinute);
        // Walk from the start: the end comes before or after now.
        const steps = (to: number) => (to - startMinute + 1440) % 1440;
        expect(isWithin([{ startMinute, endMinute }], now)).toBe(steps(now) < steps(endMinute));
      }),
    );
  });
});

describe("a reason to pause", () => {
  test("is its volunteer's word before anything else", () => {
    expect(reasonToPause(anyTime, free)).toBeUndefined();
    expect(reasonToPause(anyTime, { ...free, toldToPause: true })).toBe("you said so");
  });

  test("is the hour, and the battery where that was asked for", () => {
    const night: Rules = { onBattery: "run", hours: parseHours("22-07") };
    expect(reasonToPause(night, free)).toBe("it is not the time");
    expect(reasonToPause(night, { ...free, minuteOfDay: 0 })).toBeUndefined();
    expect(reasonToPause(anyTime, { ...free, onBattery: true })).toBeUndefined();
    expect(reasonToPause({ onBattery: "pause" }, { ...free, onBattery: true })).toBe(
      "it runs on its battery",
    );
    expect(reasonToPause({ onBattery: "pause" }, free)).toBeUndefined();
  });

  test("is whoever uses the machine; what tells nothing says that", () => {
    expect(reasonToPause(whenIdle, { ...free, untouchedMs: MINUTE_MS, others: 0 })).toBe("somebody uses it");
    expect(reasonToPause(whenIdle, { ...free, untouchedMs: 4 * MINUTE_MS, others: 0.5 })).toBe(
      "other programs use it",
    );
    expect(reasonToPause(whenIdle, { ...free, untouchedMs: 4 * MINUTE_MS, others: 0.1 })).toBeUndefined();
    expect(reasonToPause(whenIdle, { ...free, others: 0.1 })).toBeUndefined();
    expect(reasonToPause(whenIdle, { ...free, untouchedMs: 4 * MINUTE_MS })).toBeUndefined();
    expect(reasonToPause(whenIdle, free)).toBe("nothing tells whether anybody uses it");
  });
});

describe("a governor", () => {
  test("says each change once, and a probe that fails tells nothing", async () => {
    const machine = { untouchedMs: 0 as number | undefined, others: 0 as number | undefined };
    const probes: Probes = {
      untouchedMs: async () => machine.untouchedMs,
      others: async () => {
        if (machine.others === undefined) throw new Error("no such file");
        return machine.others;
      },
      onBattery: async () => undefined,
    };
    const decisions: (string | undefined)[] = [];
    const governor = new Governor({
      rules: whenIdle,
      probes,
      toldToPause: async () => false,
      now: () => new Date(0),
      intervalMs: 3_600_000,
      onDecision: (reason) => void decisions.push(reason),
    });
    await governor.start();
    await governor.look();
    machine.untouchedMs = 10 * MINUTE_MS;
    await governor.look();
    await governor.look();
    machine.others = undefined;
    machine.untouchedMs = undefined;
    await governor.look();
    governor.stop();
    machine.untouchedMs = 10 * MINUTE_MS;
    await governor.look();
    expect(decisions).toEqual(["somebody uses it", undefined, "nothing tells whether anybody uses it"]);
  });
});

describe("a throttle", () => {
  test("lets its target run for its share of the time, and leaves it running", () => {
    vi.useFakeTimers();
    try {
      let frozen = false;
      let ranMs = 0;
      const target = {
        freeze: () => {
          frozen = true;
        },
        thaw: () => {
          frozen = false;
        },
      };
      const throttle = new Throttle(target, 0.3);
      throttle.start();
      for (let ms = 0; ms < 2_000; ms++) {
        vi.advanceTimersByTime(1);
        if (!frozen) ranMs++;
      }
      expect(Math.abs(ranMs - 600)).toBeLessThan(30);
      throttle.stop();
      expect(frozen).toBe(false);
      vi.advanceTimersByTime(1_000);
      expect(frozen).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
});
