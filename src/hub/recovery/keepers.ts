import type { Blobs, Registry } from "../../engine/index.ts";
import {
  decodeValue,
  encodeValue,
  type HubToKeeper,
  type Limits,
  MusketeersError,
  toMusketeersError,
} from "../../protocol/index.ts";
import { Fields } from "../../protocol/messages/index.ts";
import {
  afterAdoption,
  afterLoss,
  afterPublishing,
  type CatalogueMarks,
  isNews,
  noMarks,
} from "../../scheduler/index.ts";
import type { Datasets } from "../datasets.ts";
import type { Invites } from "../invites.ts";
import { openCatalogue, signCatalogue } from "./catalogue.ts";
import { Refill } from "./refill.ts";

const KEY = "catalogue";
/** Changes within so many milliseconds go out together. */
const CHANGES_TOGETHER_MS = 100;

/** A connected worker that is trusted with the catalogue. */
export interface Keeper {
  readonly worker: string;
  readonly name: string;
  entrust(message: HubToKeeper, body?: Uint8Array): void;
}

export interface KeepersOptions {
  readonly secretKey: Uint8Array;
  readonly registry: Registry;
  readonly blobs: Blobs;
  readonly datasets: Datasets;
  readonly invites: Pick<Invites, "list" | "restore">;
  readonly limits: Limits;
  readonly wallMs: () => number;
  /** The disk was lost: take what workers keep for the truth. */
  readonly recover: boolean;
  readonly onNotice: (notice: string) => void;
}

function decodeStored(value: Uint8Array | undefined): CatalogueMarks {
  if (value === undefined) return noMarks;
  try {
    const fields = new Fields(KEY, decodeValue(value));
    return {
      sequence: fields.integer("sequence"),
      adopted: fields.integer("adopted"),
      recoveredAtMs: fields.integer("recoveredAtMs"),
      recovering: fields.boolean("recovering"),
    };
  } catch (cause) {
    throw new MusketeersError("JOURNAL_CORRUPT", `The registry's entry ${KEY} is damaged`, { cause });
  }
}

/**
 * The hub's part in outliving its disk: gives its signed catalogue to trusted workers whenever it changes, and
 * takes it back from them, and the datasets' blocks, when it has been started to recover.
 */
export class Keepers {
  readonly #options: KeepersOptions;
  readonly #refill: Refill;
  readonly #keepers = new Map<string, Keeper>();
  /** Workers that say that they keep a block. */
  holdersOf: (cid: string) => readonly string[] = () => [];
  onRecovered: () => void = () => {};
  /** Nothing is to come of a worker any more that was to say which catalogue it keeps. */
  onHeard: () => void = () => {};
  #stored: CatalogueMarks;
  #signed: Uint8Array | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** One thing after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #toldLacking: number | undefined;
  /** Those who have not said yet what they keep. */
  readonly #recalled = new Set<string>();
  #answered = false;

  private constructor(options: KeepersOptions, stored: CatalogueMarks) {
    this.#options = options;
    this.#stored = stored;
    const { limits, blobs, datasets } = options;
    this.#refill = new Refill({
      limits,
      blobs,
      roots: () => datasets.list().map(({ cid }) => cid),
      holdersOf: (cid) => this.holdersOf(cid).filter((worker) => this.#keepers.has(worker)),
      ask: (worker, call, cids) => this.#keepers.get(worker)?.entrust({ type: "upload", call, cids }),
      onLooked: (lacking) => this.#onLooked(lacking),
    });
  }

  /** @throws MusketeersError `JOURNAL_CORRUPT`, `STORAGE` */
  static async open(options: KeepersOptions): Promise<Keepers> {
    const before = decodeStored((await options.registry.get(KEY))?.value);
    const keepers = new Keepers(options, before);
    if (options.recover && !before.recovering) {
      await keepers.#store(afterLoss(before, options.wallMs()));
    }
    // A hub that was killed before it could give out its last change does so now.
    else if (!keepers.recovering && keepers.#hasAnything) keepers.changed();
    return keepers;
  }

  get #hasAnything(): boolean {
    const { datasets, invites } = this.#options;
    return datasets.list().length > 0 || invites.list().some(({ revokedAtMs }) => revokedAtMs !== null);
  }

  /** Whether a worker was asked what it keeps, and has not answered. */
  isOwing(worker: string): boolean {
    return this.#recalled.has(worker);
  }

  get recovering(): boolean {
    return this.#stored.recovering;
  }

  /** What an operator should know. */
  warnings(): readonly string[] {
    if (!this.recovering) return [];
    const lacking = this.#toldLacking;
    return [
      lacking === undefined
        ? "Recovering: waiting for the trusted workers that keep the catalogue and the blocks of datasets"
        : `Recovering: ${lacking} blocks of datasets are with no connected worker`,
    ];
  }

  joined(keeper: Keeper): void {
    this.#keepers.set(keeper.worker, keeper);
    // One that was away when the disk was lost may know more than those that were there, also much later.
    if (this.#stored.recoveredAtMs > 0) {
      this.#recalled.add(keeper.worker);
      keeper.entrust({ type: "recall" });
    } else {
      this.#give(keeper);
    }
  }

  left(worker: string): void {
    this.#keepers.delete(worker);
    const owed = this.#recalled.delete(worker);
    this.#refill.left(worker);
    // Nothing is to come of it any more, which may have been all that there was to wait for.
    if (owed && this.recovering) this.#refill.look();
  }

  /** A worker keeps more than it did. */
  holds(worker: string): void {
    if (this.recovering && this.#keepers.has(worker)) this.#refill.look();
  }

  uploaded(worker: string, call: number): void {
    this.#refill.uploaded(worker, call);
  }

  /** Datasets or revoked invites are not what they were. */
  changed(): void {
    if (this.recovering) this.#refill.look();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#alone(() => this.#publish());
    }, CHANGES_TOGETHER_MS);
  }

  /** A worker gave back what it keeps; whether that is the hub's own, its signature tells. */
  catalogue(worker: string, body: Uint8Array): void {
    const keeper = this.#keepers.get(worker);
    if (keeper === undefined || !this.#recalled.has(worker)) return;
    const bytes = body.slice();
    void this.#alone(async () => {
      try {
        if (bytes.length > 0) await this.#adopt(keeper, bytes);
      } finally {
        this.#recalled.delete(worker);
        this.#answered = true;
      }
      if (this.recovering) this.#refill.look();
      else this.#give(keeper);
      this.onHeard();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#refill.close();
  }

  async #adopt(keeper: Keeper, bytes: Uint8Array): Promise<void> {
    const { secretKey, datasets, invites, onNotice } = this.#options;
    const catalogue = openCatalogue(bytes, secretKey);
    const { sequence } = catalogue;
    if (!isNews(this.#stored, sequence)) return;
    await datasets.adopt(catalogue.datasets, sequence);
    await invites.restore(catalogue.revoked);
    await this.#store(afterAdoption(this.#stored, sequence));
    const made = new Date(sequence).toISOString();
    onNotice(
      `took the catalogue of ${made} from the worker ${keeper.name}: ${datasets.list().length} datasets`,
    );
    this.#toldLacking = undefined;
  }

  #onLooked(lacking: number): void {
    const { onNotice } = this.#options;
    // As long as nobody was heard, or somebody is still to answer, there may be more to come.
    if (lacking === 0 && this.#answered && this.#recalled.size === 0) {
      void this.#alone(async () => {
        if (!this.recovering) return;
        await this.#store({ recovering: false });
        onNotice("recovered: all blocks of all datasets are back");
        this.onRecovered();
        await this.#publish();
      });
    } else if (lacking > 0 && lacking !== this.#toldLacking) {
      this.#toldLacking = lacking;
      onNotice(`recovering: ${lacking} blocks that can be seen to be missing are with no connected worker`);
    }
  }

  async #publish(): Promise<void> {
    if (this.recovering) return;
    await this.#store(afterPublishing(this.#stored, this.#options.wallMs()));
    this.#signed = undefined;
    // Who has not said yet what it keeps is to keep it until it has.
    for (const keeper of this.#keepers.values()) if (!this.isOwing(keeper.worker)) this.#give(keeper);
  }

  #give(keeper: Keeper): void {
    const { sequence } = this.#stored;
    if (sequence === 0) return;
    const { secretKey, datasets, invites, limits, onNotice } = this.#options;
    if (this.#signed === undefined) {
      const revoked = invites.list().filter(({ revokedAtMs }) => revokedAtMs !== null);
      this.#signed = signCatalogue({ sequence, datasets: datasets.list(), revoked }, secretKey);
      if (this.#signed.length > limits.catalogueBytesMax) {
        onNotice("the catalogue is too large to be kept by workers (catalogueBytesMax); make backups");
      }
    }
    if (this.#signed.length <= limits.catalogueBytesMax) keeper.entrust({ type: "catalogue" }, this.#signed);
  }

  async #store(change: Partial<CatalogueMarks>): Promise<void> {
    const stored = { ...this.#stored, ...change };
    await this.#options.registry.put(KEY, encodeValue(stored));
    this.#stored = stored;
  }

  #alone(action: () => Promise<void>): Promise<void> {
    const done = this.#last.then(action).catch((thrown: unknown) => {
      const { code, message } = toMusketeersError(thrown);
      this.#options.onNotice(`the catalogue: ${message} (${code})`);
    });
    this.#last = done;
    return done;
  }
}
