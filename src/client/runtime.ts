import type { FileContent, BlobHandle as Handle } from "../data/index.ts";

/*
 * What `musketeers` is inside a bundle: tasks register themselves, and everything that needs a cluster
 * stays away. It imports nothing but types, because it travels with every bundle.
 */

type AnyFunction = (...args: never[]) => unknown;

/** An entry of the registry under `Symbol.for("musketeers.tasks")`, by `site:FILE#ORDINAL`. */
export interface RegisteredTask {
  readonly fn: AnyFunction;
  readonly options: object;
}

interface Registry {
  [key: symbol]: unknown;
}

const tasksKey = Symbol.for("musketeers.tasks");
const connectKey = Symbol.for("musketeers.connect");
const markKey = Symbol.for("musketeers.task");
const registry = globalThis as unknown as Registry;

/** The tasks that this realm knows. */
export function registeredTasks(): Map<string, RegisteredTask> {
  registry[tasksKey] ??= new Map<string, RegisteredTask>();
  return registry[tasksKey] as Map<string, RegisteredTask>;
}

/** Tasks of each source file so far. */
const ordinals = new Map<string, number>();

function nextEntry(file: string): string {
  const ordinal = ordinals.get(file) ?? 0;
  ordinals.set(file, ordinal + 1);
  return `site:${file}#${ordinal}`;
}

/** `task.container()` of a bundle: there is nothing of it to run, but an export may be asked for what it is. */
function container(definition: object): AnyFunction {
  const call = () => Promise.reject(new Error("A container task runs by itself"));
  Object.defineProperty(call, "name", { value: (definition as { name?: string }).name ?? "container" });
  Object.defineProperty(call, Symbol.for("musketeers.container"), { value: definition });
  return call;
}

/** `task()` for one source file of the bundle. */
export function taskOf(file: string): ((fn: AnyFunction, options?: object) => AnyFunction) & {
  container: typeof container;
} {
  const task = (fn: AnyFunction, options: object = {}): AnyFunction => {
    const entry = nextEntry(file);
    const call = function (this: unknown, ...args: never[]): unknown {
      return Reflect.apply(fn, this, args);
    };
    Object.defineProperty(call, "name", { value: (options as { name?: string }).name ?? fn.name });
    Object.defineProperty(call, "length", { value: fn.length });
    Object.defineProperty(call, markKey, { value: { options, entry } });
    registeredTasks().set(entry, { fn, options });
    return call;
  };
  return Object.assign(task, { container });
}

const stagesKey = Symbol.for("musketeers.stages");

/** `mapReduce()` for one source file of the bundle. */
export function mapReduceOf(file: string): (definition: object) => AnyFunction {
  return (definition) => {
    const entry = nextEntry(file);
    const call = (): never => {
      throw new Error("A map-reduce runs on a cluster: cluster.mapReduce(…)");
    };
    const {
      map: _map,
      combine: _combine,
      reduce: _reduce,
      ...options
    } = definition as Record<string, unknown>;
    Object.defineProperty(call, "name", { value: options.name ?? "" });
    Object.defineProperty(call, stagesKey, { value: definition });
    Object.defineProperty(call, markKey, { value: { options, entry } });
    registeredTasks().set(entry, { fn: call, options });
    return call;
  };
}

/** The part of a script that uses a cluster does not run inside one: this never resolves. */
export function connect(): Promise<never> {
  (registry[connectKey] as (() => void) | undefined)?.();
  return new Promise(() => {});
}

interface StateOffer {
  save(state: unknown): void;
  restored(): unknown;
}

/** Only a sandbox offers to keep states; elsewhere a task is an ordinary function. */
const stateOffer = (): StateOffer | undefined =>
  registry[Symbol.for("musketeers.state")] as StateOffer | undefined;

/**
 * Keeps how far a task is with its input, so that its next attempt can go on from there when its machine
 * is gone: call it as often as you like within the task, before or between `await`s that the task itself
 * waits for. A state is kept at most once a second; a call that comes sooner returns at once. Does nothing
 * outside a cluster.
 * @param state data, as for results
 * @throws MusketeersError `UNSERIALIZABLE` for what is no data
 */
export function checkpoint(state: unknown): void {
  stateOffer()?.save(state);
}

/** What the task last gave to `checkpoint` for this input; undefined where it begins anew. */
export function restored<State>(): State | undefined {
  return stateOffer()?.restored() as State | undefined;
}

/**
 * What a key's values become: what it gives back, and what it emits; nothing where it gives back nothing. The
 * values are for `for … of`; for `for await … of` where they may not fit into memory.
 */
export type Reducer<K, V, O> = (
  key: K,
  values: Iterable<V> & AsyncIterable<V>,
  emit: (value: O) => void,
) => O | undefined | Promise<O | undefined>;

/** A reducer that works value by value, and so also combines values before they travel. */
export type FoldReducer<V, O> = <K>(key: K, values: Iterable<V>) => O;

interface Fold<V, A, O> {
  readonly id: string;
  readonly lift: (value: V) => A;
  readonly merge: (a: A, b: A) => A;
  readonly finish?: (accumulator: A) => O;
}

const foldKey = Symbol.for("musketeers.fold");

function folding<V, A, O>(fold: Fold<V, A, O>): FoldReducer<V, O> {
  const reduce = <K>(_key: K, values: Iterable<V>): O => {
    let held: { value: A } | undefined;
    for (const value of values) {
      const lifted = fold.lift(value);
      held = { value: held === undefined ? lifted : fold.merge(held.value, lifted) };
    }
    return (fold.finish === undefined || held === undefined ? held?.value : fold.finish(held.value)) as O;
  };
  Object.defineProperty(reduce, "name", { value: fold.id });
  Object.defineProperty(reduce, foldKey, { value: Object.freeze(fold) });
  return reduce;
}

function checkedNumber(value: number): number {
  if (typeof value === "number" || typeof value === "bigint") return value;
  throw new TypeError(`sum adds numbers, and this is ${value === null ? "null" : typeof value}`);
}

/** Lists element by element, everything else as `<` has it. */
export function compareValues(a: unknown, b: unknown): number {
  if (!Array.isArray(a) || !Array.isArray(b))
    return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareValues(a[at], b[at]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const itself = <V>(value: V): V => value;

/** Reducer: the values of a key added up; numbers, or bigints. */
export const sum: FoldReducer<number, number> = /* @__PURE__ */ folding({
  id: "sum",
  lift: checkedNumber,
  merge: (a: number, b: number) => a + b,
});

/** Reducer: how many values a key has. */
export const count: FoldReducer<unknown, number> = /* @__PURE__ */ folding({
  id: "count",
  lift: () => 1,
  merge: (a: number, b: number) => a + b,
});

/** Reducer: the least value of a key, by `<`; lists are compared element by element. */
export const min = /* @__PURE__ */ folding<never, never, never>({
  id: "min",
  lift: itself,
  merge: (a, b) => (compareValues(b, a) < 0 ? b : a),
}) as <K, V>(key: K, values: Iterable<V>) => V;

/** Reducer: the greatest value of a key; see `min`. */
export const max = /* @__PURE__ */ folding<never, never, never>({
  id: "max",
  lift: itself,
  merge: (a, b) => (compareValues(b, a) > 0 ? b : a),
}) as <K, V>(key: K, values: Iterable<V>) => V;

/** Makes a reducer: a list of the `n` greatest values of a key, the greatest first; see `min`. */
export function top(n: number): <K, V>(key: K, values: Iterable<V>) => V[] {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`top(${n}): a whole number from 1 up is needed`);
  return /* @__PURE__ */ folding<unknown, unknown[], unknown[]>({
    id: `top:${n}`,
    lift: (value) => [value],
    merge: (a, b) => [...a, ...b].sort((left, right) => compareValues(right, left)).slice(0, n),
  }) as <K, V>(key: K, values: Iterable<V>) => V[];
}

interface FilesOffer {
  readonly BlobHandle: new () => unknown;
  readonly putFile: (content: FileContent, options?: { readonly name?: string }) => Promise<Handle>;
  readonly readValue: (handle: object) => Promise<unknown>;
}

const filesOffer = (): FilesOffer | undefined =>
  registry[Symbol.for("musketeers.files")] as FilesOffer | undefined;

/** What files in inputs are; a task makes its own with `putFile`. */
export const BlobHandle = filesOffer()?.BlobHandle ?? class BlobHandle {};

/**
 * Writes a file into the cluster from within a task: text as UTF-8, bytes, or an (async) iterable of both, which
 * is never in memory as a whole. Returned by the task, in any place of its result, it stays as long as its job.
 * @returns a `BlobHandle`
 */
export function putFile(content: FileContent, options?: { readonly name?: string }): Promise<Handle> {
  const offer = filesOffer();
  if (offer === undefined) throw new Error("putFile of musketeers is there only inside a task");
  return offer.putFile(content, options);
}

/** Values that were sent once for many inputs, lately. */
const broadcasts = new Map<string, unknown>();
const BROADCASTS_MAX = 8;

interface Broadcast {
  readonly cid: string;
}

async function broadcastOf(part: readonly [unknown] | Broadcast): Promise<unknown> {
  if (!("cid" in part)) return part[0];
  if (!broadcasts.has(part.cid)) {
    const value = await filesOffer()!.readValue(part);
    // The oldest one goes: a round's value is not needed in the next.
    if (broadcasts.size >= BROADCASTS_MAX) broadcasts.delete(broadcasts.keys().next().value!);
    broadcasts.set(part.cid, value);
  }
  return broadcasts.get(part.cid);
}

/** The task behind `iterate`: a function of a shard and a round's value, either of which may come as a file. */
export function sharded(
  fn: (shard: unknown, value: unknown) => unknown,
): (input: unknown) => Promise<unknown> {
  return async (input) => {
    const [shard, value] = input as readonly (readonly [unknown] | Broadcast)[];
    return fn(await broadcastOf(shard!), await broadcastOf(value!));
  };
}

const absent = (name: string) => (): never => {
  throw new Error(`${name} of musketeers is not there inside a task; use it where you submit`);
};

export class MusketeersError extends Error {
  override readonly name = "MusketeersError";
}
export class TaskError extends Error {
  override readonly name: string = "TaskError";
}
export const Cluster = absent("Cluster");
export const Dataset = absent("Dataset");
export const Job = absent("Job");
export const MapValues = absent("MapValues");
export const parseDuration = absent("parseDuration");
export const parseSize = absent("parseSize");
export const MapResults = absent("MapResults");
export const Pairs = absent("Pairs");
