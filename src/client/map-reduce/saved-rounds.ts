import { cidOf, decodeWithHandles } from "../../data/index.ts";
import { checkDatasetName, encodeValue, MusketeersError, toMusketeersError } from "../../protocol/index.ts";
import type { ClusterData } from "../datasets/cluster-data.ts";
import type { SubmissionHost } from "../jobs/submission.ts";

/** The only file of the dataset. */
const FILE = "iteration";

/** How far an iteration was. */
export interface SavedRound<T> {
  /** Rounds that were done; 0: none. */
  readonly round: number;
  readonly value: T;
  readonly converged: boolean;
}

interface Saved<T> extends SavedRound<T> {
  readonly about: string;
}

/**
 * Where an iteration keeps the value of its last round: a dataset, so that it outlives the program, is seen in `ls`,
 * and goes with `rm`. It says what it was made of, so that nobody goes on with what another iteration left.
 */
export class SavedRounds<T> {
  readonly #host: SubmissionHost;
  readonly #data: ClusterData;
  readonly #name: string;
  readonly #about: string;
  #savedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(host: SubmissionHost, data: ClusterData, name: string, about: string) {
    this.#host = host;
    this.#data = data;
    this.#name = name;
    this.#about = about;
  }

  /**
   * Looks for what was saved.
   * @param about what the value follows from: code, shards, the first value
   * @returns with how far it was, where it had begun
   * @throws MusketeersError `DATASET_EXISTS` where the dataset holds something else, `BAD_ARGUMENT` for its name
   */
  static async open<T>(
    host: SubmissionHost,
    data: ClusterData,
    name: string,
    about: readonly unknown[],
  ): Promise<[SavedRounds<T>, SavedRound<T> | undefined]> {
    checkDatasetName(name);
    const saved = new SavedRounds<T>(host, data, name, cidOf(encodeValue(about)));
    return [saved, await saved.#load()];
  }

  /** Keeps how far it is: not more often than `iterateSaveIntervalMs`, but for the last one. */
  async save({ round, value, converged }: SavedRound<T>, isLast: boolean): Promise<void> {
    const nowMs = performance.now();
    if (!isLast && nowMs - this.#savedAtMs < this.#host.limits.iterateSaveIntervalMs) return;
    const content = encodeValue({ about: this.#about, round, value, converged } satisfies Saved<T>);
    await this.#data.put({ files: [{ path: FILE, content }] }, { name: this.#name, replace: true });
    this.#savedAtMs = nowMs;
  }

  async #load(): Promise<SavedRound<T> | undefined> {
    const dataset = this.#data.dataset(this.#name);
    try {
      await dataset.stat();
    } catch (error) {
      if (toMusketeersError(error).code === "NOT_FOUND") return undefined;
      throw error;
    }
    const other = (what: string, cause?: unknown) =>
      new MusketeersError("DATASET_EXISTS", `The dataset ${this.#name} holds ${what}`, {
        cause,
        hint: `Give \`checkpoint\` another name, or begin anew: musketeers rm ${this.#name}.`,
      });
    const file = await dataset.file(FILE).catch((error: unknown) => {
      throw toMusketeersError(error).code === "NOT_FOUND" ? other("no iteration", error) : error;
    });
    const saved = decodeWithHandles(await file.bytes(), this.#host.session.blocks) as Saved<T>;
    if (saved.about !== this.#about) throw other("an iteration with another map, with, initial or shards");
    return saved;
  }
}
