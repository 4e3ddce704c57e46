import {
  BlobHandle,
  blockFiles,
  type ChunkOptions,
  importCar,
  parseCid,
  readFile,
} from "../../data/index.ts";
import {
  checkDatasetName,
  type DatasetStatus,
  type DatasetSummary,
  type FileRef,
  MusketeersError,
} from "../../protocol/index.ts";
import type { Session } from "../session/session.ts";
import { Dataset } from "./dataset.ts";
import { Builder, type PutFile, type PutProgress, poolFor, uploading } from "./put.ts";
import {
  type Content,
  filesOf,
  isContent,
  type ListPath,
  lengthOf,
  nameOfContent,
  type OnLeftOut,
  type PutSource,
  type SourceFile,
} from "./put-source.ts";

export interface PutOptions extends ChunkOptions {
  /** A name in the hub's catalogue; what has none is forgotten in time, unless a job refers to it. */
  readonly name?: string;
  /** Take the name from the dataset that has it. */
  readonly replace?: boolean;
  /** Workers that are to keep it, besides the hub. */
  readonly replicas?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PutProgress) => void;
  readonly onFile?: (file: PutFile) => void;
  /** Told of what is in a folder and is no file, and so is not put. */
  readonly onLeftOut?: OnLeftOut;
  /** Told why the hub's disk refuses what is put, which is tried again; of nothing once it has taken something. */
  readonly onWaiting?: (why: MusketeersError | undefined) => void;
}

export type ImportOptions = Pick<PutOptions, "name" | "replace" | "replicas" | "signal">;

export interface OpenOptions {
  readonly start?: number;
  readonly end?: number;
  readonly signal?: AbortSignal;
}

/** Counts what is read, what is known to come, and what was sent. */
class Count {
  readonly #onProgress: PutOptions["onProgress"];
  #state: PutProgress = { files: 0, bytes: 0, bytesTotal: 0, storedBytes: 0, sentBytes: 0, path: "" };
  /** With the nodes of trees, which are no content. */
  #storedBytes = 0;

  constructor(onProgress: PutOptions["onProgress"]) {
    this.#onProgress = onProgress;
  }

  readonly read = (change: { files: number; bytes: number; path: string }): void => {
    const bytesTotal = Math.max(this.#state.bytesTotal, change.bytes);
    this.#tell({ ...this.#state, ...change, bytesTotal });
  };

  readonly sent = (bytes: number, sentBytes: number): void => {
    this.#storedBytes += bytes;
    this.#tell({ ...this.#state, sentBytes: this.#state.sentBytes + sentBytes });
  };

  expect(bytes: number): void {
    this.#state = { ...this.#state, bytesTotal: this.#state.bytesTotal + bytes };
  }

  #tell(state: PutProgress): void {
    this.#state = { ...state, storedBytes: Math.min(state.bytes, this.#storedBytes) };
    this.#onProgress?.(this.#state);
  }
}

/** The part of a cluster that is about files. */
export class ClusterData {
  readonly #session: Session;
  readonly #listPath: ListPath | undefined;

  constructor(session: Session, listPath: ListPath | undefined) {
    this.#session = session;
    this.#listPath = listPath;
  }

  /** See `Cluster.put`. */
  async put(source: PutSource, options: PutOptions = {}): Promise<BlobHandle | Dataset> {
    const { name, signal, onWaiting } = options;
    // Before anything is sent for it.
    if (name !== undefined) checkDatasetName(name);
    const count = new Count(options.onProgress);
    const pool = poolFor(options);
    const upload = this.#session.upload({
      onStored: count.sent,
      onReleased: (bytes) => pool.give(bytes),
      ...(onWaiting === undefined ? {} : { onWaiting }),
      ...(signal === undefined ? {} : { signal }),
    });
    const builder = new Builder(upload, { ...options, onProgress: count.read }, pool);
    if (name === undefined && isContent(source)) {
      count.expect(lengthOf(source) ?? 0);
      const label = nameOfContent(source);
      const { cid, bytes } = await uploading(upload, () => builder.file(source, label ?? ""));
      const ref: FileRef = { cid, bytes, ...(label === undefined ? {} : { name: label }) };
      return new BlobHandle(ref, blockFiles(this.#session.blocks));
    }
    const files = isContent(source) ? wrapped(source, name!) : this.#files(source, count, options.onLeftOut);
    const { root } = await uploading(upload, () => builder.folder(files));
    if (name === undefined) return new Dataset(this.#session, root.cid);
    await this.#name(name, root.cid, options);
    return new Dataset(this.#session, name);
  }

  datasets(): Promise<readonly DatasetStatus[]> {
    return this.#session.call("datasets", {});
  }

  dataset(nameOrCid: string): Dataset {
    if (typeof nameOrCid !== "string" || nameOrCid === "") {
      throw new MusketeersError("BAD_ARGUMENT", "A dataset is named by its name or its CID");
    }
    return new Dataset(this.#session, nameOrCid);
  }

  remove(name: string): Promise<DatasetSummary> {
    return this.#session.call("removeDataset", { name });
  }

  open(file: FileRef | BlobHandle | string, options: OpenOptions = {}): AsyncIterable<Uint8Array> {
    const { cid } = parseCid(typeof file === "string" ? file : file.cid);
    return readFile(cid, this.#session.blocks, options);
  }

  /** See `Cluster.importCar`. */
  async importCar(
    parts: AsyncIterable<Uint8Array>,
    options: ImportOptions = {},
  ): Promise<readonly Dataset[]> {
    const { name, signal } = options;
    if (name !== undefined) checkDatasetName(name);
    const upload = this.#session.upload(signal === undefined ? {} : { signal });
    const roots = await uploading(upload, () => importCar(parts, upload));
    if (name === undefined) return roots.map((cid) => new Dataset(this.#session, cid));
    const [root, ...others] = roots;
    if (root === undefined || others.length > 0) {
      throw new MusketeersError("BAD_ARGUMENT", `The CAR has ${roots.length} roots; a name needs one`, {
        hint: "Import it without a name; what it holds is at the hub.",
      });
    }
    await this.#name(name, root, options);
    return [new Dataset(this.#session, name)];
  }

  /** The same files, counted; those of a path are all listed before the first is read. */
  async *#files(
    source: Exclude<PutSource, Content>,
    count: Count,
    onLeftOut: OnLeftOut | undefined,
  ): AsyncGenerator<SourceFile> {
    const listed: SourceFile[] = [];
    for await (const file of filesOf(source, this.#listPath, onLeftOut)) {
      const { content } = file;
      count.expect(file.bytes ?? (content === undefined ? 0 : (lengthOf(content) ?? 0)));
      if (typeof source === "string") listed.push(file);
      else yield file;
    }
    yield* listed;
  }

  async #name(name: string, cid: string, { replace, replicas, signal }: PutOptions): Promise<void> {
    const params = {
      name,
      cid,
      ...(replace === undefined ? {} : { replace }),
      ...(replicas === undefined ? {} : { replicas }),
    };
    await this.#session.call("putDataset", params, signal === undefined ? {} : { signal });
  }
}

/** One content as the only file of a folder. */
async function* wrapped(content: Content, name: string): AsyncGenerator<SourceFile> {
  yield { path: nameOfContent(content) ?? name, content };
}
