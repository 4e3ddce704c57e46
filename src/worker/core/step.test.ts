import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeResumed,
  decodeValue,
  eachRecord,
  encodeValue,
  isResumed,
  packRecords,
  type TaskSpec,
} from "../../protocol/index.ts";
import {
  newWorkerState,
  presentedLeases,
  runningUnits,
  step,
  validate,
  type WorkerEvent,
  type WorkerInstruction,
  type WorkerState,
  waitingLeases,
} from "./index.ts";

const task: TaskSpec = {
  bundle: "b",
  entry: "export:f",
  title: "f",
  timeoutMs: 1000,
  memoryBytes: 1,
  net: [],
};

/** The inputs that kill their sandbox; the model of a task says the rest. */
const KILLER = 7;

type Run = Extract<WorkerInstruction, { type: "Run" }>;

/** An independent hub and sandboxes around the machine: they keep what was sent and answer as they like. */
class World {
  readonly state: WorkerState;
  readonly shared: boolean;
  readonly runs = new Map<number, { run: Run; left: number[] }[]>();
  /** What the hub has: the inputs of each lease, and the results that came. */
  readonly leases = new Map<
    string,
    {
      inputs: number[];
      sent: number;
      results: (number | "dead")[];
      keep: number;
      over: boolean;
      done: boolean;
    }
  >();
  /** What the hub knows of states, by lease and position: the step that it was saved at. */
  readonly saved = new Map<string, unknown>();
  steps = 0;
  linked = false;
  left = false;
  leaseNo = 0;

  /** @param shared its slots are granted and withdrawn by somebody else */
  constructor(shared = false) {
    this.shared = shared;
    this.state = newWorkerState({
      slots: 2,
      resultBytesUnackedMax: 200,
      progressIntervalMs: 50,
      blockBytesTarget: 40,
      sharesSlots: shared,
    });
  }

  grant(slot: number): void {
    if (!this.shared || this.state.slots[slot]!.lease !== undefined) return;
    const waiting = waitingLeases(this.state);
    this.send({ type: "SlotGranted", slot });
    if (waiting > 0) expect(this.state.slots[slot]!.lease).toBeDefined();
  }

  withdraw(slot: number): void {
    if (!this.shared) return;
    this.send({ type: "SlotWithdrawn", slot });
    expect(this.state.slots[slot]!.lease).toBeUndefined();
  }

  send(event: WorkerEvent): void {
    const instructions = step(this.state, event);
    validate(this.state);
    for (const instruction of instructions) this.perform(instruction);
  }

  perform(instruction: WorkerInstruction): void {
    switch (instruction.type) {
      case "Run": {
        const left = [...eachRecord(instruction.block)].map((record) => this.inputOf(record));
        expect(left).toHaveLength(instruction.count);
        const queue = this.runs.get(instruction.slot) ?? [];
        queue.push({ run: instruction, left });
        this.runs.set(instruction.slot, queue);
        return;
      }
      case "Kill":
      case "Abandon":
        this.runs.delete(instruction.slot);
        return;
      case "SendProgress": {
        expect(this.linked).toBe(true);
        const lease = this.leases.get(instruction.lease)!;
        const { block, failures, count } = instruction.results;
        const failed = new Set(failures.map(({ at }) => at));
        const values = [...eachRecord(block)].map((record, at) =>
          failed.has(at) ? ("dead" as const) : (decodeValue(record) as number),
        );
        expect(values).toHaveLength(count);
        // What was sent before may come again, the same; nothing is left out.
        expect(instruction.from).toBeLessThanOrEqual(lease.results.length);
        for (const [at, value] of values.entries()) {
          const position = instruction.from + at;
          if (position < lease.results.length) expect(value).toBe(lease.results[position]);
          else lease.results.push(value);
        }
        if (instruction.done) lease.done = true;
        return;
      }
      case "SendReturn":
        this.leases.get(instruction.lease)!.over = true;
        return;
      case "SendState":
        expect(this.linked).toBe(true);
        this.saved.set(`${instruction.lease} ${instruction.position}`, decodeValue(instruction.state));
        return;
      case "Leave":
        expect(this.left).toBe(false);
        this.left = true;
    }
  }

  /** A record as a sandbox reads it; what it saved comes back to it, and to no other. */
  inputOf(record: Uint8Array): number {
    if (!isResumed(record)) return decodeValue(record) as number;
    const { input, state } = decodeResumed(record);
    expect((decodeValue(state) as { of: number }).of).toBe(decodeValue(input));
    return decodeValue(input) as number;
  }

  /** The first record that a sandbox has not answered saves a state. */
  save(slot: number): void {
    const head = this.runs.get(slot)?.[0];
    if (head === undefined) return;
    const state = encodeValue({ of: head.left[0], step: this.steps++ });
    this.send({ type: "StateSaved", slot, run: head.run.run, state });
  }

  /** The first sandbox of a slot does some of its work. */
  work(slot: number, amount: number): void {
    const queue = this.runs.get(slot);
    const head = queue?.[0];
    if (queue === undefined || head === undefined) return;
    const { run } = head.run;
    const killer = head.left.indexOf(KILLER);
    const count = Math.min(amount, killer < 0 ? head.left.length : killer);
    // Only a careful sandbox is sure to report what came before the killer.
    if (killer >= 0 && (killer < amount || killer === 0)) {
      const reported = head.run.careful ? killer : 0;
      if (reported > 0) this.report(slot, reported);
      this.runs.delete(slot);
      const message = "killed";
      this.send({ type: "SandboxDied", slot, run, kind: "crash", message, exact: false });
      return;
    }
    if (count > 0) this.report(slot, count);
  }

  report(slot: number, count: number): void {
    const queue = this.runs.get(slot)!;
    const head = queue[0]!;
    const block = packRecords(head.left.splice(0, count).map((input) => encodeValue(input * 2)));
    if (head.left.length === 0) queue.shift();
    const results = { count, block, failures: [], elapsedMs: count };
    this.send({ type: "RunProgressed", slot, run: head.run.run, results });
  }

  lease(inputs: number[], parts: number): void {
    const id = `lease${this.leaseNo++}`;
    this.leases.set(id, { inputs, sent: 0, results: [], keep: inputs.length, over: false, done: false });
    for (let part = 0; part < parts; part++) this.part(id);
  }

  part(id: string): void {
    const lease = this.leases.get(id);
    if (lease === undefined || lease.sent >= lease.inputs.length || !this.linked) return;
    const part = lease.inputs.slice(lease.sent, lease.sent + 5);
    const from = lease.sent;
    lease.sent += part.length;
    const count = lease.inputs.length;
    const message = { type: "lease", lease: id, task, count, from, part: part.length } as const;
    this.send({ type: "LeaseReceived", message, body: packRecords(part.map(encodeValue)) });
  }

  ack(id: string): void {
    const upTo = this.leases.get(id)?.results.length;
    if (upTo === undefined || !this.linked) return;
    this.send({ type: "AckReceived", message: { type: "ack", lease: id, upTo } });
  }

  up(adopt: (id: string) => boolean): void {
    if (this.linked) return;
    this.linked = true;
    const presented = presentedLeases(this.state).map(({ lease }) => lease);
    const adopted = presented.filter(adopt);
    for (const [id, lease] of this.leases) {
      if (!adopted.includes(id) && !lease.done) lease.over = true;
      // What was not sent before the break never will be: a hub does not know how much came through.
      lease.keep = Math.min(lease.keep, lease.sent);
      lease.sent = lease.inputs.length;
    }
    this.send({ type: "LinkUp", adopted });
  }

  /** Whatever has been seen is right, input by input. */
  check(): void {
    for (const { inputs, results } of this.leases.values()) {
      for (const [at, result] of results.entries()) {
        expect(result).toBe(inputs[at] === KILLER ? "dead" : inputs[at]! * 2);
      }
    }
    for (const [key, state] of this.saved) {
      const [id, position] = key.split(" ");
      expect((state as { of: number }).of).toBe(this.leases.get(id!)!.inputs[Number(position)]);
    }
  }
}

const ids = fc.nat({ max: 6 }).map((no) => `lease${no}`);
const inputs = fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 20 });
const actions = fc.oneof(
  { weight: 3, arbitrary: inputs.map((list) => (world: World) => world.linked && world.lease(list, 1)) },
  { weight: 3, arbitrary: ids.map((id) => (world: World) => world.part(id)) },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat({ max: 1 }), fc.integer({ min: 1, max: 9 })).map(
      ([slot, amount]) =>
        (world: World) =>
          world.work(slot, amount),
    ),
  },
  { weight: 2, arbitrary: fc.nat({ max: 1 }).map((slot) => (world: World) => world.save(slot)) },
  { weight: 4, arbitrary: ids.map((id) => (world: World) => world.ack(id)) },
  {
    weight: 1,
    arbitrary: fc.tuple(ids, fc.nat({ max: 20 })).map(([lease, keep]) => (world: World) => {
      const known = world.leases.get(lease);
      if (known !== undefined) known.keep = Math.min(known.keep, keep);
      world.send({ type: "TrimReceived", message: { type: "trim", lease, keep } });
    }),
  },
  {
    weight: 1,
    arbitrary: ids.map((lease) => (world: World) => {
      const known = world.leases.get(lease);
      if (known !== undefined) known.over = true;
      world.send({ type: "RevokeReceived", message: { type: "revoke", lease, reason: "" } });
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constant((world: World) => {
      world.linked = false;
      world.send({ type: "LinkDown" });
    }),
  },
  { weight: 4, arbitrary: fc.nat({ max: 1 }).map((slot) => (world: World) => world.grant(slot)) },
  { weight: 1, arbitrary: fc.nat({ max: 1 }).map((slot) => (world: World) => world.withdraw(slot)) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.send({ type: "PauseRequested" })) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.send({ type: "PauseExpired" })) },
  { weight: 2, arbitrary: fc.constant((world: World) => world.send({ type: "Resumed" })) },
  { weight: 2, arbitrary: fc.boolean().map((adopts) => (world: World) => world.up(() => adopts)) },
);

/** Goes on until nothing is left to do. */
function finish(world: World): void {
  world.send({ type: "Resumed" });
  world.up(() => true);
  for (let round = 0; round < 400; round++) {
    for (const id of world.leases.keys()) {
      world.part(id);
      world.ack(id);
    }
    for (const slot of [0, 1]) {
      world.grant(slot);
      world.work(slot, 9);
    }
  }
}

describe("the worker's state machine", () => {
  it("reports every record of its leases once, in order, whatever happens", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(actions, { maxLength: 80 }), (shared, sequence) => {
        const world = new World(shared);
        world.up(() => true);
        for (const action of sequence) action(world);
        finish(world);
        world.check();
        for (const lease of world.leases.values()) {
          if (lease.over) continue;
          expect(lease.results.length).toBeGreaterThanOrEqual(Math.min(lease.keep, lease.inputs.length));
          expect(lease.done).toBe(true);
        }
        expect(world.state.leases.size).toBe(0);
        expect(world.state.unackedBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("hands back what it cannot finish, and leaves once", () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(actions, { maxLength: 40 }),
        fc.array(actions, { maxLength: 20 }),
        (shared, before, after) => {
          const world = new World(shared);
          world.up(() => true);
          for (const action of before) action(world);
          world.send({ type: "DrainRequested" });
          for (const action of after) if (!world.left) action(world);
          if (!world.left) world.send({ type: "DrainExpired" });
          expect(world.left).toBe(true);
          world.check();
        },
      ),
      { numRuns: 200 },
    );
  });

  it("blames the killer and nobody else", () => {
    const world = new World();
    world.up(() => true);
    world.lease([1, 2, KILLER, 4, KILLER, 6], 2);
    finish(world);
    expect(world.leases.get("lease0")).toMatchObject({ results: [2, 4, "dead", 8, "dead", 12], done: true });
  });

  it("says again that a trimmed lease is done, after a break in which that may have been lost", () => {
    const limits = { resultBytesUnackedMax: 1, progressIntervalMs: 50, blockBytesTarget: 40 };
    const state = newWorkerState({ slots: 1, ...limits });
    step(state, { type: "LinkUp", adopted: [] });
    const records = [1, 2, 3, 4].map((input) => encodeValue(input));
    const message = { type: "lease", lease: "l", task, count: 4, from: 0, part: 4 } as const;
    const started = step(state, { type: "LeaseReceived", message, body: packRecords(records) });
    const run = started.find((instruction) => instruction.type === "Run")!;
    const block = packRecords(records.slice(0, run.count));
    const results = { count: run.count, block, failures: [], elapsedMs: 1 };
    expect(run.count).toBeLessThan(4);
    step(state, { type: "RunProgressed", slot: 0, run: run.run, results });
    const trim = { type: "trim", lease: "l", keep: run.count } as const;
    expect(step(state, { type: "TrimReceived", message: trim })).toMatchObject([{ done: true }]);
    step(state, { type: "LinkDown" });
    expect(step(state, { type: "LinkUp", adopted: ["l"] })).toMatchObject([
      { type: "SendProgress", from: 0, results: { count: run.count }, done: true },
    ]);
  });

  it.each([
    ["before", 0],
    ["after", 2],
  ])("gives the rest of a unit back whose sending a break cut short, %s it has done what came", (_, done) => {
    const limits = { resultBytesUnackedMax: 1000, progressIntervalMs: 50, blockBytesTarget: 4000 };
    const state = newWorkerState({ slots: 1, ...limits });
    step(state, { type: "LinkUp", adopted: [] });
    const records = [1, 2].map((input) => encodeValue(input));
    const message = { type: "lease", lease: "l", task, count: 4, from: 0, part: 2 } as const;
    let said = step(state, { type: "LeaseReceived", message, body: packRecords(records) });
    const work = () => {
      for (const record of records) {
        const run = said.find((instruction) => instruction.type === "Run")!;
        const results = { count: 1, block: packRecords([record]), failures: [], elapsedMs: 1000 };
        said = step(state, { type: "RunProgressed", slot: 0, run: run.run, results });
      }
    };
    if (done > 0) work();
    step(state, { type: "LinkDown" });
    const again = step(state, { type: "LinkUp", adopted: ["l"] });
    if (done === 0) work();
    else said = again;
    validate(state);
    expect(said.at(-1)).toMatchObject({ type: "SendProgress", lease: "l", done: true });
    expect(state.slots[0]!.lease).toBe(undefined);
  });

  it("says what it has done of a lease that is not its any more, and ends it", () => {
    const limits = { resultBytesUnackedMax: 1000, progressIntervalMs: 50, blockBytesTarget: 4 };
    const state = newWorkerState({ slots: 1, ...limits });
    step(state, { type: "LinkUp", adopted: [] });
    const records = [1, 2, 3].map((input) => encodeValue(input));
    const message = { type: "lease", lease: "l", task, count: 3, from: 0, part: 3 } as const;
    const started = step(state, { type: "LeaseReceived", message, body: packRecords(records) });
    const run = started.find((instruction) => instruction.type === "Run")!;
    step(state, { type: "LinkDown" });
    const block = packRecords(records.slice(0, 1));
    const results = { count: 1, block, failures: [], elapsedMs: 1 };
    step(state, { type: "RunProgressed", slot: 0, run: run.run, results });
    expect(step(state, { type: "LinkUp", adopted: [] })).toMatchObject([
      { type: "SendProgress", lease: "l", from: 0, results: { count: 1 } },
      { type: "Kill" },
    ]);
    expect(presentedLeases(state)).toEqual([]);
  });

  it("begins a lease of several hubs' worker only where a slot was granted, and makes room while it has to wait", () => {
    const world = new World(true);
    world.up(() => true);
    world.lease([1, 2, 3], 1);
    expect(waitingLeases(world.state)).toBe(1);
    expect(world.runs.size).toBe(0);
    world.grant(1);
    expect([...world.runs.keys()]).toEqual([1]);
    world.withdraw(1);
    expect(world.runs.size).toBe(0);
    expect(waitingLeases(world.state)).toBe(1);
    finish(world);
    expect(world.leases.get("lease0")).toMatchObject({ results: [2, 4, 6], done: true });
    // So much that its hub has to acknowledge some before the rest may begin.
    world.lease(
      Array.from({ length: 100 }, () => 1_000_000),
      20,
    );
    world.grant(0);
    for (let round = 0; round < 100; round++) world.work(0, 9);
    expect(world.state.unackedBytes).toBeGreaterThanOrEqual(200);
    expect(world.state.slots[0]!.lease).toBeUndefined();
    expect(waitingLeases(world.state)).toBe(0);
    finish(world);
    expect(world.leases.get("lease1")).toMatchObject({ done: true });
  });

  it("begins leases only in the slots that are lent, and lets what runs in others end there", () => {
    const limits = { resultBytesUnackedMax: 1000, progressIntervalMs: 50, blockBytesTarget: 4000 };
    const state = newWorkerState({ slots: 2, ...limits });
    step(state, { type: "LinkUp", adopted: [] });
    step(state, { type: "SlotsOpened", slots: 1 });
    for (const lease of ["a", "b", "c"]) {
      const message = { type: "lease", lease, task, count: 1, from: 0, part: 1 } as const;
      step(state, { type: "LeaseReceived", message, body: packRecords([encodeValue(1)]) });
    }
    expect(runningUnits(state)).toEqual([{ lease: "a", task: "f", inputs: 1, done: 0 }]);
    step(state, { type: "SlotsOpened", slots: 9 });
    expect(runningUnits(state).map(({ lease }) => lease)).toEqual(["a", "b"]);
    step(state, { type: "SlotsOpened", slots: 0 });
    validate(state);
    expect(runningUnits(state)).toHaveLength(2);
  });

  it("resultBytesUnackedMax: stops producing while too much is not acknowledged", () => {
    const world = new World();
    world.up(() => true);
    world.lease(
      Array.from({ length: 1000 }, () => 1_000_000),
      200,
    );
    for (let round = 0; round < 500; round++) world.work(0, 9);
    expect(world.state.unackedBytes).toBeGreaterThanOrEqual(200);
    expect(world.state.unackedBytes).toBeLessThan(600);
    finish(world);
    expect(world.leases.get("lease0")?.results).toHaveLength(1000);
  });
});
