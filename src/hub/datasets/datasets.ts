import type { Blobs, Registry } from "../../engine/index.ts";
import {
  checkDatasetName,
  type DatasetSummary,
  decodeValue,
  encodeValue,
  type Limits,
  MusketeersError,
} from "../../protocol/index.ts";
import { Fields } from "../../protocol/messages/index.ts";
import { mergeCatalogue, type Span } from "../../scheduler/index.ts";
import { surveyTree } from "./tree-survey.ts";

const PREFIX = "dataset/";

export interface DatasetsOptions {
  readonly registry: Registry;
  readonly blobs: Blobs;
  readonly limits: Pick<Limits, "datasetsMax">;
  readonly wallMs: () => number;
}

export interface NewDataset {
  readonly name: string;
  readonly cid: string;
  readonly replicas: number;
  /** Take the name from whatever has it. */
  readonly replace: boolean;
  readonly owner: string;
}

const noDataset = (name: string): MusketeersError =>
  new MusketeersError("NOT_FOUND", `There is no dataset ${name}`, {
    hint: "See what there is with `musketeers ls`.",
  });

function decodeDataset(key: string, value: Uint8Array): DatasetSummary {
  try {
    const fields = new Fields("dataset", decodeValue(value));
    return {
      name: key.slice(PREFIX.length),
      cid: fields.string("cid"),
      bytes: fields.integer("bytes"),
      files: fields.integer("files"),
      createdAtMs: fields.integer("createdAtMs"),
      owner: fields.string("owner"),
      replicas: fields.integer("replicas"),
    };
  } catch (cause) {
    throw new MusketeersError("JOURNAL_CORRUPT", `The registry's entry ${key} is no dataset`, { cause });
  }
}

/** The catalogue: which names stand for which folders. What it names is kept until it is removed. */
export class Datasets {
  readonly #options: DatasetsOptions;
  readonly #byName = new Map<string, DatasetSummary>();
  /** Nothing is put at that time or before. */
  #latestMs = 0;
  /** One change after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** Asked whether the name may stand for so much more; throws where not. */
  admit: (name: string, moreBytes: number) => void = () => {};
  /** Told when a name stands for something else, or for nothing any more. */
  onChanged: (name: string) => void = () => {};

  private constructor(options: DatasetsOptions) {
    this.#options = options;
  }

  /** @throws MusketeersError `JOURNAL_CORRUPT` */
  static async open(options: DatasetsOptions): Promise<Datasets> {
    const datasets = new Datasets(options);
    for (const key of await options.registry.list(PREFIX)) {
      const stored = await options.registry.get(key);
      if (stored === undefined) continue;
      const dataset = decodeDataset(key, stored.value);
      datasets.#byName.set(dataset.name, dataset);
    }
    return datasets;
  }

  /** By name. */
  list(): readonly DatasetSummary[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): DatasetSummary | undefined {
    return this.#byName.get(name);
  }

  /** @throws MusketeersError `NOT_FOUND` */
  require(name: string): DatasetSummary {
    const found = this.#byName.get(name);
    if (found === undefined) throw noDataset(name);
    return found;
  }

  /**
   * Gives a folder a name, once all blocks below it are seen to be there.
   * @throws MusketeersError `DATASET_EXISTS`, `NOT_FOUND` for missing blocks, `BAD_ARGUMENT`, `TOO_MANY`.
   */
  put(dataset: NewDataset): Promise<DatasetSummary> {
    checkDatasetName(dataset.name);
    return this.#alone(() => this.#put(dataset));
  }

  /** Forgets a name; what only it kept is deleted some time later. @throws MusketeersError `NOT_FOUND` */
  remove(name: string): Promise<DatasetSummary> {
    return this.#alone(async () => {
      const found = this.require(name);
      await this.#options.registry.delete(PREFIX + name);
      this.#byName.delete(name);
      this.onChanged(name);
      return found;
    });
  }

  /** What is put from now on counts as put after that time, whatever the clock says; resolves when all before is in the list. */
  putsAfter(ms: number): Promise<void> {
    return this.#alone(async () => {
      this.#latestMs = Math.max(this.#latestMs, ms);
    });
  }

  /**
   * Merges a catalogue of before, whether the blocks are there or not; see `mergeCatalogue`.
   * @throws MusketeersError `STORAGE`
   */
  adopt(
    unheard: readonly Span[],
    catalogue: readonly DatasetSummary[],
    unsaid: readonly Span[],
  ): Promise<void> {
    return this.#alone(async () => {
      const { registry } = this.#options;
      const { removed, taken } = mergeCatalogue(this.list(), unheard, catalogue, unsaid);
      for (const name of removed) {
        await registry.delete(PREFIX + name);
        this.#byName.delete(name);
      }
      for (const { name, ...dataset } of taken) {
        checkDatasetName(name);
        await registry.put(PREFIX + name, encodeValue(dataset));
        this.#byName.set(name, { name, ...dataset });
      }
    });
  }

  async #put({ name, cid, replicas, replace, owner }: NewDataset): Promise<DatasetSummary> {
    const { registry, blobs, limits, wallMs } = this.#options;
    const before = this.#byName.get(name);
    if (before !== undefined && before.cid !== cid && !replace) {
      throw new MusketeersError("DATASET_EXISTS", `There is a dataset ${name} already: ${before.cid}`);
    }
    if (before === undefined && this.#byName.size >= limits.datasetsMax) {
      throw new MusketeersError("TOO_MANY", `The hub has ${limits.datasetsMax} datasets (datasetsMax)`, {
        hint: "Remove some with `musketeers rm`, or raise the limit.",
      });
    }
    const { bytes, files } = await surveyTree(cid, blobs);
    this.admit(name, bytes - (before?.bytes ?? 0));
    const beforeMs = before?.createdAtMs ?? 0;
    const nowMs = Math.max(Math.round(wallMs()), this.#latestMs + 1, beforeMs + 1);
    // Catalogues of before and after know each other by this time, whatever it is that changed.
    const isSame = before?.cid === cid && before.replicas === replicas && before.owner === owner;
    const createdAtMs = isSame ? beforeMs : nowMs;
    const dataset: DatasetSummary = { name, cid, bytes, files, createdAtMs, owner, replicas };
    await registry.put(PREFIX + name, encodeValue({ cid, bytes, files, createdAtMs, owner, replicas }));
    this.#byName.set(name, dataset);
    this.onChanged(name);
    return dataset;
  }

  #alone<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => {});
    return done;
  }
}
