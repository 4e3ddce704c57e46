import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planReplicas, type Wanted } from "./plan.ts";

/** A worker of the model: what it was told, what it has fetched of that, and what it could not. */
interface Worker {
  told: Set<string>;
  whole: Set<string>;
  partial: Set<string>;
  refused: Set<string>;
  here: boolean;
}

const cids = ["a", "b", "c"];

class Model {
  readonly workers: Worker[];
  wanted: Wanted[] = [];
  /** What the hub lacks. */
  readonly lacking = new Set<string>();

  constructor(count: number) {
    this.workers = Array.from({ length: count }, () => {
      const none = () => new Set<string>();
      return { told: none(), whole: none(), partial: none(), refused: none(), here: true };
    });
  }

  get here(): Worker[] {
    return this.workers.filter(({ here }) => here);
  }

  copies(cid: string): number {
    return this.workers.filter(({ whole }) => whole.has(cid)).length;
  }

  /** Plans, and checks that no copy is given up that is needed. */
  plan(): void {
    const members = this.here.map((worker, at) => ({ worker: String(at), ...worker }));
    const absent = this.workers.filter(({ here }) => !here).map(({ whole }) => ({ keeps: whole }));
    const plans = planReplicas(this.wanted, members, absent, 10, (cid) => this.lacking.has(cid));
    for (const cid of this.lacking) {
      for (const [at, { whole, told, partial }] of this.here.entries()) {
        const has = whole.has(cid) || told.has(cid) || partial.has(cid);
        expect(plans[at]!.has(cid), "nobody gives up or is asked for what the hub lacks").toBe(has);
      }
    }
    for (const { cid, replicas } of this.wanted) {
      const before = this.here.filter(({ whole }) => whole.has(cid)).length;
      const after = this.here.filter(({ whole }, at) => whole.has(cid) && plans[at]!.has(cid)).length;
      expect(after).toBeGreaterThanOrEqual(Math.min(before, replicas));
    }
    for (const [at, worker] of this.here.entries()) {
      worker.told = new Set(plans[at]);
      for (const had of [worker.whole, worker.partial]) {
        for (const cid of had) if (!worker.told.has(cid)) had.delete(cid);
      }
      const known = (cid: string) => this.lacking.has(cid) || this.wanted.some((each) => each.cid === cid);
      expect([...worker.told].every(known)).toBe(true);
    }
  }

  fetch(at: number, cid: string, works: boolean): void {
    const worker = this.workers[at]!;
    if (!worker.here || !worker.told.has(cid) || worker.whole.has(cid)) return;
    if (works) worker.partial.delete(cid);
    else worker.partial.add(cid);
    (works ? worker.whole : worker.refused).add(cid);
  }
}

type Action = (model: Model) => void;
const workerNo = fc.nat({ max: 4 });
const action: fc.Arbitrary<Action> = fc.oneof(
  workerNo.map((at) => (model: Model) => {
    model.workers[at]!.here = !model.workers[at]!.here;
  }),
  // Gone for good: it comes back with nothing.
  workerNo.map((at) => (model: Model) => {
    Object.assign(model.workers[at]!, {
      told: new Set(),
      whole: new Set(),
      partial: new Set(),
      refused: new Set(),
    });
  }),
  fc.tuple(workerNo, fc.constantFrom(...cids), fc.boolean()).map(
    ([at, cid, works]) =>
      (model: Model) =>
        model.fetch(at, cid, works),
  ),
  fc.constantFrom(...cids).map((cid) => (model: Model) => {
    if (!model.lacking.delete(cid)) model.lacking.add(cid);
  }),
  fc.tuple(fc.constantFrom(...cids), fc.nat({ max: 3 })).map(([cid, replicas]) => (model: Model) => {
    model.wanted = model.wanted.filter((each) => each.cid !== cid);
    if (replicas > 0) model.wanted.push({ cid, replicas, bytes: cid.charCodeAt(0) });
  }),
);

describe("plans for replicas", () => {
  it("give up no copy that is needed, and end with as many as are wanted and can be", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const model = new Model(5);
        for (const act of actions) {
          act(model);
          model.plan();
        }
        // In the end all are here and can keep everything, and the hub has all.
        model.lacking.clear();
        for (const worker of model.workers) {
          worker.here = true;
          worker.refused.clear();
        }
        for (let round = 0; round < 4; round++) {
          model.plan();
          for (const at of model.workers.keys()) for (const cid of cids) model.fetch(at, cid, true);
        }
        model.plan();
        for (const { cid, replicas } of model.wanted) expect(model.copies(cid)).toBe(replicas);
        for (const cid of cids) {
          if (!model.wanted.some((each) => each.cid === cid)) expect(model.copies(cid)).toBe(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("spread folders over workers by their size", () => {
    const wanted = [5, 1, 1, 1, 1, 1].map((bytes, at) => ({ cid: `f${at}`, replicas: 1, bytes }));
    const none = {
      told: new Set<string>(),
      whole: new Set<string>(),
      partial: new Set<string>(),
      refused: new Set<string>(),
    };
    const [one, two] = planReplicas(
      wanted,
      [
        { worker: "1", ...none },
        { worker: "2", ...none },
      ],
      [],
      10,
    );
    expect([one!.size, two!.size]).toEqual([1, 5]);
  });
});
