import { expect, test } from "vitest";
import { defaultLimits, type Limits } from "../../protocol/index.ts";
import { type ReplicaHost, Replicas } from "./replicas.ts";

/** A hub's replicas with a clock of its own, and what workers are told. */
function world(limits: Partial<Limits> = {}) {
  const state = {
    nowMs: 0,
    owing: new Set<string>(),
    planInMs: undefined as number | undefined,
    ready: true,
    mayLearn: false,
    held: new Set<string>(),
    datasets: [dataset("a", 1)],
  };
  const replicas = new Replicas({
    limits: { ...defaultLimits, ...limits },
    nowMs: () => state.nowMs,
    planIn: (delayMs) => {
      state.planInMs = delayMs;
    },
    datasets: () => state.datasets,
    isReady: () => state.ready,
    mayLearn: () => state.mayLearn,
    held: () => (cid) => state.held.has(cid),
    isOwing: (worker) => state.owing.has(worker),
  });
  return { state, replicas };
}

const dataset = (cid: string, replicas: number) => ({
  name: `n${cid}`,
  cid,
  bytes: 1,
  files: 1,
  createdAtMs: 0,
  owner: "",
  replicas,
});

class Host implements ReplicaHost {
  readonly told: string[] = [];
  readonly worker: string;
  readonly name: string;
  readonly identity: string;

  constructor(worker: string, name = worker, identity = name) {
    this.worker = worker;
    this.name = name;
    this.identity = identity;
  }

  keep(cids: readonly string[]): void {
    this.told.push(cids.join(" "));
  }
}

const kept = (cids: readonly string[], refused: readonly string[] = [], partial: readonly string[] = []) =>
  ({ type: "kept", cids, partial, refused }) as const;

test("replicaGraceMs: a worker that comes back in time keeps its replicas, one that does not is replaced", () => {
  const { state, replicas } = world({ replicaGraceMs: 1_000 });
  const [one, two] = [new Host("1", "athos"), new Host("2", "porthos")];
  replicas.kept(one, kept([]));
  replicas.kept(two, kept([]));
  expect([one.told, two.told]).toEqual([["a"], []]);
  replicas.kept(one, kept(["a"]));
  expect(replicas.keptBy("a")).toEqual([{ worker: "athos", whole: true }]);
  replicas.left("1");
  expect(state.planInMs).toBe(1_000);
  state.nowMs = 999;
  replicas.plan();
  expect(two.told).toEqual([]);
  // Back, under another id.
  const again = new Host("3", "athos");
  replicas.kept(again, kept(["a"]));
  state.nowMs = 5_000;
  replicas.plan();
  expect([again.told, two.told]).toEqual([["a"], []]);
  replicas.left("3");
  state.nowMs = 6_000;
  replicas.plan();
  expect(two.told).toEqual(["a"]);
  expect(replicas.keptBy("a")).toEqual([{ worker: "porthos", whole: false }]);
  // Too late: one of them is enough, but not before the other has it.
  const late = new Host("4", "athos");
  replicas.kept(late, kept(["a"]));
  expect(two.told).toEqual(["a", ""]);
  expect(replicas.keptBy("a")).toEqual([{ worker: "athos", whole: true }]);
});

test("replicaRetryMs: who could not keep a folder is asked again only after a while, others at once", () => {
  const { state, replicas } = world({ replicaRetryMs: 1_000 });
  const [one, two] = [new Host("1"), new Host("2")];
  replicas.kept(one, kept([]));
  replicas.kept(one, kept([], ["a"]));
  expect(one.told).toEqual(["a", ""]);
  state.nowMs = 500;
  replicas.kept(two, kept([]));
  expect(two.told).toEqual(["a"]);
  replicas.left("2");
  expect(one.told).toHaveLength(2);
  state.nowMs = 1_000;
  replicas.plan();
  expect(one.told).toEqual(["a", "", "a"]);
});

test("replicasPerWorkerMax: one worker keeps so many folders, the next one others", () => {
  const { state, replicas } = world({ replicasPerWorkerMax: 2 });
  state.datasets = ["a", "b", "c"].map((cid) => dataset(cid, 1));
  const [one, two] = [new Host("1"), new Host("2")];
  replicas.kept(one, kept([]));
  expect(one.told).toEqual(["a b"]);
  replicas.kept(two, kept([]));
  expect(two.told).toEqual(["c"]);
});

test("that nobody can be found to keep a dataset is said, but not while somebody may come back", () => {
  const { state, replicas } = world({ replicaGraceMs: 1_000 });
  expect(replicas.warnings()).toEqual([expect.stringMatching(/^Dataset na: no more workers/)]);
  const one = new Host("1");
  replicas.kept(one, kept(["a"]));
  expect(replicas.warnings()).toEqual([]);
  replicas.left("1");
  expect(replicas.warnings()).toEqual([]);
  state.nowMs = 1_000;
  replicas.plan();
  state.datasets = [dataset("a", 1), dataset("b", 2)];
  expect(replicas.warnings()).toEqual([expect.stringMatching(/^Dataset na and 1 more: /)]);
  // What the hub itself lacks is said elsewhere; what nobody is to keep needs nobody.
  state.held = new Set(["a"]);
  state.datasets = [dataset("a", 1), dataset("b", 0)];
  expect(replicas.warnings()).toEqual([]);
  state.held.clear();
  expect(replicas.warnings()).toEqual([expect.stringMatching(/^Dataset na: /)]);
  state.ready = false;
  expect(replicas.warnings()).toEqual([]);
});

test("a hub that does not know its datasets yet tells nobody to let anything go", () => {
  const { state, replicas } = world();
  const one = new Host("1");
  state.ready = false;
  state.datasets = [];
  replicas.kept(one, kept(["a", "b"]));
  expect(one.told).toEqual([]);
  state.datasets = [dataset("a", 1)];
  state.ready = true;
  replicas.plan();
  expect(one.told).toEqual(["a"]);
});

test("a worker that may know more than the hub is told nothing until it has said so, and its copies count", () => {
  const { state, replicas } = world();
  const [one, two] = [new Host("1"), new Host("2")];
  state.owing.add("1");
  replicas.kept(one, kept(["a", "unheard of"]));
  replicas.kept(two, kept([]));
  expect([one.told, two.told]).toEqual([[], []]);
  state.owing.clear();
  state.datasets = [dataset("a", 1), dataset("unheard of", 1)];
  replicas.plan();
  expect([one.told, two.told]).toEqual([["a unheard of"], []]);
});

test("a worker whose old connection is still there keeps its copies once, not twice", () => {
  const { state, replicas } = world({ replicaGraceMs: 1_000 });
  state.datasets = [dataset("a", 2)];
  const [one, two] = [new Host("1", "athos"), new Host("2", "porthos")];
  replicas.kept(one, kept(["a"]));
  replicas.kept(two, kept(["a"]));
  const again = new Host("3", "athos");
  replicas.kept(again, kept(["a"]));
  expect([one.told, two.told, again.told]).toEqual([["a"], ["a"], ["a"]]);
  // The old connection is missed: nobody has gone.
  replicas.left("1");
  replicas.left("2");
  const other = new Host("4", "aramis");
  replicas.kept(other, kept([]));
  expect(other.told).toEqual([]);
  state.nowMs = 1_000;
  replicas.plan();
  expect(other.told).toEqual(["a"]);
});

test("a worker that says what it kept before it heard to let that go counts for nothing", () => {
  const { state, replicas } = world();
  const [one, two] = [new Host("1"), new Host("2")];
  replicas.kept(one, kept(["a"]));
  replicas.kept(two, kept(["a"]));
  expect([one.told, two.told]).toEqual([["a"], [""]]);
  replicas.kept(two, kept(["a"]));
  expect(one.told).toEqual(["a"]);
  // It is asked again only when it has let it go.
  state.datasets = [dataset("a", 2)];
  replicas.plan();
  expect(two.told.at(-1)).toBe("");
  replicas.kept(two, kept([]));
  expect(two.told.at(-1)).toBe("a");
});

test("workers that are called the same are not taken for each other, nor one that is called otherwise for another", () => {
  const { state, replicas } = world();
  state.datasets = [dataset("a", 2)];
  const [one, two] = [new Host("1", "raspberrypi", "key 1"), new Host("2", "raspberrypi", "key 2")];
  replicas.kept(one, kept([]));
  replicas.kept(two, kept([]));
  expect([one.told, two.told]).toEqual([["a"], ["a"]]);
  replicas.kept(one, kept(["a"]));
  replicas.kept(two, kept(["a"]));
  // It comes back before its old connection is missed, so that its name is taken; its copy is one all the same.
  replicas.kept(new Host("3", "raspberrypi-2", "key 1"), kept(["a"]));
  replicas.left("1");
  state.datasets = [dataset("a", 3)];
  const three = new Host("4", "athos");
  replicas.kept(three, kept([]));
  expect(three.told).toEqual(["a"]);
});

test("a folder that the hub lacks stays with everybody who has any of it, wanted or not, and is asked of nobody", () => {
  const { state, replicas } = world();
  state.datasets = [dataset("a", 1), dataset("b", 1)];
  state.held = new Set(["a", "gone"]);
  const [one, two] = [new Host("1"), new Host("2")];
  // It could not get the rest of a, and has blocks of a folder that the hub does not know.
  replicas.kept(one, kept([], ["a"], ["a", "gone"]));
  replicas.kept(two, kept(["gone", "a"]));
  expect([one.told, two.told]).toEqual([["a gone b"], ["gone a"]]);
  expect(replicas.warnings()).toEqual([]);
  // All of a is back: one copy is enough, and what is unknown was removed.
  replicas.kept(one, kept(["b"], [], ["a", "gone"]));
  state.held.clear();
  replicas.plan();
  expect([one.told.at(-1), two.told.at(-1)]).toEqual(["b", "a"]);
});

test("unknownReplicaGraceMs: after a loss a folder without a name stays with who brings it, until somebody brings its name or a while is over", () => {
  const { state, replicas } = world({ unknownReplicaGraceMs: 1_000, replicaGraceMs: 10 });
  state.mayLearn = true;
  state.datasets = [dataset("a", 1), dataset("b", 0)];
  const [one, two] = [new Host("1"), new Host("2")];
  // Of b the hub knows that it is to be kept nowhere.
  replicas.kept(one, kept(["a", "b", "late", "never"], [], ["part"]));
  replicas.kept(two, kept([]));
  expect([one.told[0], two.told]).toEqual(["late never part a", []]);
  expect(state.planInMs).toBe(1_000);
  // A flapping worker does not begin its grace anew.
  state.nowMs = 400;
  replicas.left("1");
  const again = new Host("3", "1");
  replicas.kept(again, kept(["a", "late", "never"], [], ["part"]));
  state.datasets = [dataset("a", 1), dataset("late", 1)];
  state.nowMs = 999;
  replicas.plan();
  expect(again.told).toEqual(["late never part a"]);
  expect(replicas.keptBy("late")).toEqual([{ worker: "1", whole: true }]);
  expect(state.planInMs).toBe(1);
  state.nowMs = 1_000;
  replicas.plan();
  expect([again.told.at(-1), two.told]).toEqual(["a late", []]);
  // Before it says so, and when it is late to say so, nothing begins again.
  replicas.plan();
  replicas.kept(again, kept(["a", "late", "never"]));
  expect(new Set(again.told.slice(1))).toEqual(new Set(["a late"]));
  expect(state.planInMs).toBeUndefined();
});

test("what is removed after a loss goes at once from those who were told to keep it", () => {
  const { state, replicas } = world();
  state.mayLearn = true;
  const [one, two] = [new Host("1"), new Host("2")];
  replicas.kept(one, kept([]));
  replicas.kept(one, kept([], [], ["a"]));
  state.datasets = [];
  replicas.plan();
  replicas.plan();
  expect(one.told).toEqual(["a", ""]);
  replicas.kept(two, kept(["a"]));
  expect([one.told, two.told]).toEqual([["a", ""], [""]]);
});
