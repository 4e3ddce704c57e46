import { describe, expect, it } from "vitest";
import type { Claim } from "../core/index.ts";
import { Seats, type Tenant } from "./seats.ts";

const SLOTS = 2;

/** A hub's part of a worker: leases that wait, and slots that it was given. */
class FakeTenant implements Tenant {
  waiting = 0;
  open = true;
  offered = 0;
  readonly used = new Set<number>();
  readonly rested: number[] = [];
  yields = 0;

  claim(): Claim {
    return { busy: this.used.size, waiting: this.waiting, open: this.open };
  }

  uses(slot: number): boolean {
    return this.used.has(slot);
  }

  grant(slot: number): void {
    expect(this.used.has(slot)).toBe(false);
    if (this.waiting === 0) return;
    this.waiting--;
    this.used.add(slot);
  }

  yieldSlots(): void {
    this.yields++;
  }

  rest(slot: number): void {
    this.rested.push(slot);
  }

  offer(slots: number): void {
    this.offered = slots;
  }
}

function world(weights: readonly number[] = [1, 1]) {
  const clock = { nowMs: 0 };
  const seats = new Seats({ slots: SLOTS, weights, waitMs: 250, lagMs: 30_000, now: () => clock.nowMs });
  const tenants = weights.map(() => new FakeTenant());
  for (const [hub, tenant] of tenants.entries()) seats.enter(hub, tenant);
  /** Gives a hub more to do; an end of what runs in one of its slots may come first. */
  const step = (hub: number, more: number, ended?: number) => {
    const tenant = tenants[hub]!;
    if (ended !== undefined) tenant.used.delete(ended);
    tenant.waiting += more;
    seats.settle();
    const taken = tenants.flatMap(({ used }) => [...used]);
    expect(new Set(taken).size).toBe(taken.length);
  };
  return { clock, seats, tenants, step };
}

describe("the slots of a worker with several hubs", () => {
  it("are given to one hub each, are warm for whom they were last, and cold for who comes after another", () => {
    const { clock, tenants, step } = world();
    const [one, two] = tenants as [FakeTenant, FakeTenant];
    step(0, 3);
    expect([[...one.used], one.waiting, [...two.used]]).toEqual([[0, 1], 1, []]);
    expect([one.offered, two.offered]).toEqual([2, 1]);
    clock.nowMs = 1_000;
    step(1, 1);
    expect([...two.used]).toEqual([]);
    // The hub that has had less is next, and the other's sandbox goes back.
    step(0, 0, 1);
    expect([[...one.used], [...two.used], one.rested]).toEqual([[0], [1], [1]]);
    clock.nowMs = 2_000;
    step(0, 0, 0);
    expect([...one.used]).toEqual([0]);
    expect(one.rested).toEqual([1]);
  });

  it("come free when a hub is left, and nothing is granted to whoever has gone", () => {
    const { clock, seats, tenants, step } = world();
    const [one, two] = tenants as [FakeTenant, FakeTenant];
    step(0, 4);
    step(1, 2);
    expect([one.used.size, two.used.size]).toEqual([2, 0]);
    expect(one.yields).toBeGreaterThan(0);
    clock.nowMs = 100;
    one.used.clear();
    seats.leave(0);
    expect([one.used.size, two.used.size, two.offered]).toEqual([0, 2, 2]);
  });

  it("wait for nobody who claims what it does not take", () => {
    const { tenants, step } = world();
    const [one, two] = tenants as [FakeTenant, FakeTenant];
    one.grant = () => {};
    step(0, 1);
    expect(one.used.size).toBe(0);
    step(1, 1);
    expect([one.used.size, two.used.size]).toEqual([0, 0]);
    one.waiting = 0;
    step(1, 0);
    expect(two.used.size).toBe(1);
  });
});
