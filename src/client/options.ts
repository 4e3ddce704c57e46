import {
  type Duration,
  defaultLimits,
  type JobOptions,
  type Limits,
  MusketeersError,
  type Needs,
  type PictureSize,
  PRIORITY_MAX,
  parseDuration,
  parseSize,
  QUORUM_MAX,
  type QuorumSpec,
  type Size,
} from "../protocol/index.ts";
import type { Canary } from "./canaries.ts";

/** What a worker must be to be given the task. */
export interface TaskNeeds {
  /** As Node's `process.platform`, such as `linux`. */
  readonly platform?: string;
  /** As Node's `process.arch`, such as `arm64`. */
  readonly arch?: string;
  readonly cores?: number;
  /** Of the machine. */
  readonly memory?: Size;
  /** Labels that its volunteer gave it, each of them. */
  readonly labels?: readonly string[];
  readonly capabilities?: readonly string[];
  /** A graphics card (or what stands for one) by WebGPU: only browser tabs have that. */
  readonly webgpu?: boolean;
  /** WebAssembly: nearly all have that. */
  readonly wasm?: boolean;
}

/** Options of a task, and overrides of them for one job. Where nothing is said the limits' defaults hold. */
export interface TaskOptions {
  /** What people see. The function's name where nothing is said. */
  readonly name?: string;
  /** Hosts that the task may reach: `host`, `host:port` or `*.host`. None where nothing is said. */
  readonly net?: readonly string[];
  /** For one input. */
  readonly timeout?: Duration;
  /** That the task may use. */
  readonly memory?: Size;
  /** How often an input that throws or times out is tried again. */
  readonly retries?: number;
  /** Pause before the first retry; doubles each time. */
  readonly backoff?: Duration;
  /** Sandboxes that one input may kill before it is given up. */
  readonly maxAttempts?: number;
  /** -8 to 8; each step doubles the share of the cluster. */
  readonly priority?: number;
  readonly needs?: TaskNeeds;
  /** When results of strangers are believed; without it the first result counts. */
  readonly quorum?: TaskQuorum;
  /** The task gives equal bytes on every JavaScript engine: answers are compared across all of them. */
  readonly deterministic?: boolean;
  /**
   * Whether two answers of the task are the same, where it computes with floating point: then answers are compared by
   * it, across all engines, in a sandbox of a trusted worker. Give it to `task()`: its code travels with the task's.
   */
  readonly same?: ((a: never, b: never) => boolean) | true;
  /** Inputs with known answers, mixed in to see who is honest; none of them is a result. */
  readonly canaries?: readonly Canary[];
  /**
   * The results are parts of a picture of so many pixels, each `{ x, y, width, height, pixels }` (see `PictureTile`): the
   * hub's pages show it as it comes about, also to viewers.
   */
  readonly picture?: PictureSize;
}

/** How many people must give the same answer. */
export interface TaskQuorum {
  /** So many different people, one of them proven. */
  readonly agree: number;
  /** An input fails when so many proven people gave answers that do not agree. */
  readonly of: number;
  /** People who were right often enough are believed alone, and checked now and then: true if nothing is said. */
  readonly adaptive?: boolean;
}

/** Options as the protocol has them: every field there, units fixed. */
export interface ResolvedOptions {
  readonly net: readonly string[];
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  readonly job: Omit<JobOptions, "attached">;
}

const known: Readonly<Record<keyof TaskOptions, true>> = {
  name: true,
  net: true,
  timeout: true,
  memory: true,
  retries: true,
  backoff: true,
  maxAttempts: true,
  priority: true,
  needs: true,
  quorum: true,
  deterministic: true,
  same: true,
  canaries: true,
  picture: true,
};

const bad = (message: string, hint?: string): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", message, hint === undefined ? {} : { hint });

function integer(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw bad(`${name}: ${String(value)} is no whole number from ${min} to ${max}`);
}

function atMost(name: string, value: number, max: number, limit: string): number {
  if (value <= max) return value;
  throw bad(`${name}: ${value} is more than ${limit}, which is ${max}`, "See docs/limits.md.");
}

function strings(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "")) return value;
  throw bad(`${name} is no list of texts`, `Write ${name}: ["…"].`);
}

function resolveNeeds(needs: TaskNeeds): Needs {
  const { platform, arch, cores, memory, labels } = needs;
  const capabilities = capabilitiesIn(needs);
  return {
    ...(platform === undefined ? {} : { platform }),
    ...(arch === undefined ? {} : { arch }),
    ...(cores === undefined ? {} : { cores: integer("needs.cores", cores, 1, 65_536) }),
    ...(memory === undefined ? {} : { memoryBytes: parseSize("needs.memory", memory) }),
    ...(labels === undefined ? {} : { labels: strings("needs.labels", labels) }),
    ...(capabilities.length === 0 ? {} : { capabilities }),
  };
}

/** Those that have a name of their own among the options, too. */
function capabilitiesIn({ capabilities = [], webgpu, wasm }: TaskNeeds): readonly string[] {
  for (const [name, wanted] of Object.entries({ webgpu, wasm })) {
    if (wanted !== undefined && typeof wanted !== "boolean") throw bad(`needs.${name}: it is true or false`);
  }
  const named = [...(webgpu === true ? ["webgpu"] : []), ...(wasm === true ? ["wasm"] : [])];
  return [...new Set([...strings("needs.capabilities", capabilities), ...named])];
}

function resolveQuorum(options: TaskOptions): { quorum?: QuorumSpec } {
  const { quorum, canaries, deterministic = false, same } = options;
  if (same !== undefined && same !== true && typeof same !== "function") {
    throw bad("same is no function", "Write same: (a, b) => Math.abs(a - b) < 1e-9.");
  }
  if (same !== undefined && canaries !== undefined) {
    const hint = "A hub knows of their answers just digests: leave one of both away.";
    throw bad("canaries: they do not go together with same", hint);
  }
  if (typeof deterministic !== "boolean") throw bad("deterministic: it is true or false");
  if (canaries !== undefined) {
    const isPair = (item: unknown) =>
      typeof item === "object" && item !== null && "input" in item && "value" in item;
    if (!Array.isArray(canaries) || !canaries.every(isPair)) {
      throw bad("canaries is no list of inputs with their values", "Write canaries: [{ input, value }].");
    }
    if (quorum === undefined) throw bad("canaries: they say something only beside a quorum", quorumHint);
  }
  if (quorum === undefined) return {};
  if (typeof quorum !== "object" || quorum === null) throw bad("quorum is no object", quorumHint);
  const { agree, of, adaptive = true } = quorum;
  for (const name of Object.keys(quorum)) {
    if (!["agree", "of", "adaptive"].includes(name)) throw bad(`quorum: there is no ${name}`, quorumHint);
  }
  if (typeof adaptive !== "boolean") throw bad("quorum.adaptive: it is true or false");
  const most = integer("quorum.of", of, 2, QUORUM_MAX);
  return {
    quorum: {
      agree: integer("quorum.agree", agree, 2, most),
      of: most,
      adaptive,
      deterministic,
      ...(same === undefined ? {} : { same: true }),
    },
  };
}

function resolvePicture(picture: PictureSize | undefined, { pictureSideMax }: Limits) {
  if (picture === undefined) return {};
  if (typeof picture !== "object" || picture === null) {
    throw bad("picture is no object", "Write picture: { width: 640, height: 480 }.");
  }
  const { width, height } = picture;
  integer("picture.width", width, 1, pictureSideMax);
  integer("picture.height", height, 1, pictureSideMax);
  return { picture: { width, height } };
}

const quorumHint = "Write quorum: { agree: 2, of: 3 }.";

/**
 * Refuses options that nobody knows, which are nearly always misspelt.
 * @param others names that are good here besides the task's own
 */
export function checkOptionNames(options: object, others: readonly string[] = []): void {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(known, name) && !others.includes(name)) {
      const names = [...Object.keys(known), ...others].join(", ");
      throw bad(`There is no option ${JSON.stringify(name)}`, `There are ${names}.`);
    }
  }
}

/**
 * Those options of a call that override the task's.
 * @param others names of the call's own options
 */
export function overridesIn(options: TaskOptions, others: readonly string[]): TaskOptions {
  checkOptionNames(options, others);
  if (options.same !== undefined) {
    const hint = "Write task(fn, { same }): its code has to travel with the task's.";
    throw bad("same belongs to the task, not to one call", hint);
  }
  const given = Object.entries(options).filter(
    ([name, value]) => Object.hasOwn(known, name) && value !== undefined,
  );
  return Object.fromEntries(given);
}

/**
 * Checks options and fills in the defaults.
 * @throws MusketeersError `BAD_ARGUMENT` naming the option
 */
export function resolveOptions(options: TaskOptions, limits: Limits = defaultLimits): ResolvedOptions {
  const { timeout, memory, backoff } = options;
  const timeoutMs = timeout === undefined ? limits.taskTimeoutMs : parseDuration("timeout", timeout);
  if (timeoutMs < 1) throw bad("timeout: it must be longer than nothing");
  const backoffMs = backoff === undefined ? limits.retryBackoffMs : parseDuration("backoff", backoff);
  return {
    net: options.net === undefined ? [] : strings("net", options.net),
    timeoutMs: atMost("timeout", timeoutMs, limits.taskTimeoutMaxMs, "taskTimeoutMaxMs"),
    memoryBytes: memory === undefined ? limits.taskMemoryBytes : parseSize("memory", memory),
    job: {
      retries: integer("retries", options.retries ?? limits.taskRetries, 0, limits.taskRetriesMax),
      backoffMs: atMost("backoff", backoffMs, limits.retryBackoffMaxMs, "retryBackoffMaxMs"),
      maxAttempts: integer("maxAttempts", options.maxAttempts ?? limits.taskMaxAttempts, 1, 100),
      priority: integer("priority", options.priority ?? 0, -PRIORITY_MAX, PRIORITY_MAX),
      needs: resolveNeeds(options.needs ?? {}),
      ...resolveQuorum(options),
      ...resolvePicture(options.picture, limits),
    },
  };
}
