import {
  BlobHandle,
  type BlockSource,
  blockFiles,
  exportCar,
  fileBytes,
  isCid,
  resolvePath,
  statNode,
  walkFiles,
} from "../../data/index.ts";
import type { DatasetStatus } from "../../protocol/index.ts";
import type { Session } from "../session/session.ts";

interface CallOptions {
  readonly signal?: AbortSignal;
}

/** What is at a path of a dataset. */
export interface PathStat {
  readonly kind: "file" | "folder";
  readonly cid: string;
  /** Of a file. */
  readonly bytes?: number;
}

/** A folder of files at the hub, by its name in the catalogue or by its CID. Nothing is asked until it is used. */
export class Dataset implements AsyncIterable<BlobHandle> {
  readonly #session: Session;
  /** What it was asked for by. */
  readonly name: string;

  /** See `Cluster.dataset`. */
  constructor(session: Session, name: string) {
    this.#session = session;
    this.name = name;
  }

  /**
   * What the catalogue says of it.
   * @throws MusketeersError `NOT_FOUND`; `BAD_ARGUMENT` where it is a CID, which has no entry.
   */
  stat(options: CallOptions = {}): Promise<DatasetStatus> {
    return this.#session.call("dataset", { name: this.name }, options);
  }

  /** CID of the folder. @throws MusketeersError `NOT_FOUND` */
  async cid(options: CallOptions = {}): Promise<string> {
    return isCid(this.name) ? this.name : (await this.stat(options)).cid;
  }

  /** All files with their paths, folder by folder, by name. */
  async *files(options: CallOptions = {}): AsyncGenerator<BlobHandle, void, undefined> {
    const { blocks } = this.#session;
    const files = blockFiles(blocks);
    for await (const file of walkFiles(await this.cid(options), blocks, options)) {
      yield new BlobHandle(file, files);
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<BlobHandle, void, undefined> {
    return this.files();
  }

  /**
   * A file of it.
   * @throws MusketeersError `NOT_FOUND`; `BAD_ARGUMENT` for a folder.
   */
  async file(path: string, options: CallOptions = {}): Promise<BlobHandle> {
    const { blocks } = this.#session;
    const cid = await resolvePath(await this.cid(options), path, blocks, options);
    return new BlobHandle(
      { cid, bytes: await fileBytes(cid, blocks, options), name: path },
      blockFiles(blocks),
    );
  }

  /** All of it as a CAR, in parts; `importCar` takes it back. */
  async *car(options: CallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    yield* exportCar(await this.cid(options), this.#session.blocks, options);
  }

  /** Where its blocks come from. */
  get blocks(): BlockSource {
    return this.#session.blocks;
  }

  /** What a path of it is. @throws MusketeersError `NOT_FOUND` */
  async lookUp(path: string, options: CallOptions = {}): Promise<PathStat> {
    const { blocks } = this.#session;
    return statNode(await resolvePath(await this.cid(options), path, blocks, options), blocks, options);
  }
}
