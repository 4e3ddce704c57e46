import type { Host } from "./host.ts";

export type TaskFunction = (input: unknown) => unknown;

/** Bundles put their tasks here; see the client's task runtime. */
const TASKS = Symbol.for("musketeers.tasks");
/** Copies of the package mark tasks with this. */
const TASK = Symbol.for("musketeers.task");
/** Bundles call this when their main module connects: its evaluation will go no further. */
const CONNECT = Symbol.for("musketeers.connect");
const EXPORT_PREFIX = "export:";

interface Scope {
  [TASKS]?: Map<string, { readonly fn: TaskFunction; readonly options?: TaskOptions }>;
  [CONNECT]?: () => void;
}

/** Those of a task's options that are of use in a sandbox. */
interface TaskOptions {
  readonly same?: (a: unknown, b: unknown) => unknown;
}

export interface LoadedEntry {
  readonly url: string;
  readonly fn: TaskFunction;
}

/**
 * The function that says whether two answers of a task are the same, as one of the pair of them.
 * @throws Error where the task brings none
 */
export function sameFunction(entry: string, fn: TaskFunction): TaskFunction {
  const marked = fn as { readonly [TASK]?: { readonly options?: TaskOptions } };
  const same = ((globalThis as Scope)[TASKS]?.get(entry)?.options ?? marked[TASK]?.options)?.same;
  if (typeof same !== "function") throw new Error(`The task ${entry} has no function same(a, b)`);
  return (pair) => same(...(pair as [unknown, unknown])) === true;
}

/** Loads a bundle, as far as it goes, and finds the function of an entry; throws what the bundle throws. */
export async function loadEntry(host: Host, code: string, entry: string): Promise<LoadedEntry> {
  const scope = globalThis as Scope;
  scope[TASKS] ??= new Map();
  const connected = new Promise<undefined>((resolve) => {
    scope[CONNECT] = () => resolve(undefined);
  });
  const { url, module } = host.load(code);
  try {
    const namespace = await Promise.race([module, connected]);
    // An evaluation that fails after it connected concerns nobody.
    module.catch(() => {});
    const fn = find(scope, namespace, entry);
    if (fn !== undefined) return { url, fn };
  } catch (error) {
    // A program that is task and main part in one may fail in the latter, which is not meant for here.
    const fn = scope[TASKS]?.get(entry)?.fn;
    if (fn === undefined) throw Object.assign(new LoadError(error), { url });
    // The task's own log, which its submitter reads.
    console.warn(`The task's module did not evaluate to its end: ${String(error)}`);
    return { url, fn };
  }
  const missing = new Error(`The bundle has no task ${entry}`);
  missing.name = "TaskUnknown";
  throw Object.assign(new LoadError(missing), { url });
}

/** Carries whatever a bundle threw. */
export class LoadError extends Error {
  readonly thrown: unknown;
  url = "";

  constructor(thrown: unknown) {
    super("the bundle did not load");
    this.thrown = thrown;
  }
}

function find(
  scope: Scope,
  namespace: Record<string, unknown> | undefined,
  entry: string,
): TaskFunction | undefined {
  const registered = scope[TASKS]?.get(entry)?.fn;
  if (registered !== undefined) return registered;
  if (!entry.startsWith(EXPORT_PREFIX)) return undefined;
  const exported = namespace?.[entry.slice(EXPORT_PREFIX.length)];
  return typeof exported === "function" ? (exported as TaskFunction) : undefined;
}
