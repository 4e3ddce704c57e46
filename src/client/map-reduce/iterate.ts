import { BlobHandle, blockFiles, buildFile } from "../../data/index.ts";
import { encodeValue, MusketeersError } from "../../protocol/index.ts";
import type { ClusterData } from "../datasets/cluster-data.ts";
import { uploading } from "../datasets/put.ts";
import { type MapOptions, MapResults } from "../jobs/map.ts";
import { OpenedInputs } from "../jobs/opened-inputs.ts";
import type { Inputs } from "../jobs/pump.ts";
import { checkInputs, loadedTask, type SubmissionHost } from "../jobs/submission.ts";
import { checkOptionNames, overridesIn, type TaskOptions } from "../options.ts";
import { isAbandoned } from "../session/channel.ts";
import { Hoist } from "../tasks/hoist.ts";
import type { LoadedTask } from "../tasks/loaded.ts";
import { SavedRounds } from "./saved-rounds.ts";

/** What `Cluster.iterate` takes. */
export interface IterateOptions<S, T, P> extends TaskOptions {
  /** What the first round begins with. */
  readonly initial: T;
  /** The parts of what is worked on, each mapped by itself; the same in all rounds. */
  readonly shards: Inputs<S>;
  /** Runs on workers. It may use nothing but its parameters and what is handed over as `with`. */
  readonly map: (shard: S, value: T) => P | Promise<P>;
  /** Runs here: the next value out of what the shards gave, in their order. */
  readonly reduce: (partials: P[], value: T, round: number) => T | Promise<T>;
  /** Runs here, after each round, which are counted from 1: whether it was the last. */
  readonly until?: (next: T, previous: T, round: number) => boolean;
  /** Most rounds; 100 where nothing is said. */
  readonly rounds?: number;
  /** By name: what `map` uses besides its parameters; data, or functions. */
  readonly with?: Readonly<Record<string, unknown>>;
  /**
   * A dataset of this name keeps the value, so that the same call goes on behind the last round that was kept: in
   * another program, on another day. One that had ended gives its result again. Other shards, `initial`, `map` or
   * `with` are refused; `reduce`, `until` and `rounds` may change.
   */
  readonly checkpoint?: string;
  readonly signal?: AbortSignal;
}

/** What `Cluster.iterate` gives. */
export interface Iterated<T> {
  readonly value: T;
  /** Altogether, those of earlier programs among them. */
  readonly rounds: number;
  /** Whether `until` held; else the rounds were used up. */
  readonly converged: boolean;
}

const own = ["initial", "shards", "map", "reduce", "until", "rounds", "with", "checkpoint", "signal"];
const ROUNDS_MAX = 100;
/** Values over this size are sent once and not with each shard. */
const INLINE_BYTES_MAX = 16 * 1024;

/** See `Cluster.iterate`. */
export async function iterate<S, T, P>(
  host: SubmissionHost,
  data: ClusterData,
  options: IterateOptions<S, T, P>,
): Promise<Iterated<T>> {
  checkOptionNames(options, own);
  const { reduce, until, rounds = ROUNDS_MAX, signal } = options;
  if (typeof options.map !== "function" || typeof reduce !== "function") {
    throw new MusketeersError("BAD_ARGUMENT", "iterate takes map and reduce", {
      hint: "Write { initial, shards, map(shard, value), reduce(partials, value), until(next, previous) }.",
    });
  }
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new MusketeersError("BAD_ARGUMENT", `rounds: ${String(rounds)} is no whole number from 1 up`);
  }
  checkInputs(options.shards, "shards");
  signal?.throwIfAborted();
  const { task, code, shards } = await OpenedInputs.use(options.shards, async (opened) => {
    const { task, code } = await taskFor(host, options);
    const shards: unknown[] = [];
    for await (const shard of opened) shards.push(await broadcast(host, shard));
    return { task, code, shards };
  });
  const { initial, checkpoint } = options;
  const about = [code, shards, initial];
  const [saved, before] =
    checkpoint === undefined ? [] : await SavedRounds.open<T>(host, data, checkpoint, about);
  const mapOptions = { ...overridesIn(options, own), ...(signal === undefined ? {} : { signal }) };
  let { round, value, converged } = before ?? { round: 0, value: initial, converged: false };
  while (!converged && round < rounds) {
    const partials = (await mapRound(host, task, shards, value, mapOptions)) as P[];
    const next = await reduce(partials, value, round + 1);
    const previous = value;
    value = next;
    round++;
    converged = until?.(next, previous, round) === true;
    await saved?.save({ round, value, converged }, converged || round >= rounds);
  }
  return { value, rounds: round, converged };
}

/** What the shards give for a value. A round that its hub gave up while this machine slept begins again. */
async function mapRound(
  host: SubmissionHost,
  task: LoadedTask,
  shards: readonly unknown[],
  value: unknown,
  options: MapOptions,
): Promise<unknown[]> {
  for (;;) {
    const sent = await broadcast(host, value);
    const inputs = shards.map((shard) => [shard, sent]);
    try {
      return await new MapResults(host, task, inputs, options).values().toArray();
    } catch (error) {
      if (!isAbandoned(error)) throw error;
    }
  }
}

/** The task, and the text that it is made of. */
async function taskFor<S, T, P>(host: SubmissionHost, options: IterateOptions<S, T, P>) {
  const hoist = await Hoist.open(options.with);
  const job = `sharded(${await hoist.text(options.map, "map")})`;
  const inline = hoist.module(options.name ?? "iterate", job, ["sharded"]);
  return { task: await loadedTask(host, { inline, options: {} }), code: inline.code };
}

/** What stands for a value that goes to many inputs: itself in a list, or a file where it is large. */
async function broadcast({ session }: SubmissionHost, value: unknown): Promise<unknown> {
  const record = encodeValue(value);
  if (record.length <= INLINE_BYTES_MAX) return [value];
  const upload = session.upload();
  const ref = await uploading(upload, () => buildFile([record], upload));
  return new BlobHandle(ref, blockFiles(session.blocks));
}
