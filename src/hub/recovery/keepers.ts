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
  afterHearing,
  afterLoss,
  afterPublishing,
  type CatalogueMarks,
  isNews,
  type Lack,
  noMarks,
  putsAfter,
  unheardBy,
  unsaidBy,
  Wholeness,
} from "../../scheduler/index.ts";
import type { Datasets } from "../datasets/datasets.ts";
import type { Invites } from "../invites/invites.ts";
import type { Accounts } from "./accounts.ts";
import { openCatalogue, readSpans, signCatalogue } from "./catalogue.ts";
import { Refill } from "./refill.ts";

const KEY = "catalogue";
/** Since when what is lacking. */
const LACKS_KEY = "lacking";
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
  readonly accounts: Accounts;
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
    const adopted = fields.integer("adopted");
    const recoveredAtMs = fields.integer("recoveredAtMs");
    return {
      sequence: fields.integer("sequence"),
      adopted,
      recoveredAtMs,
      unheard: fields.has("unheard") ? readSpans(fields, "unheard") : [[adopted, recoveredAtMs]],
      // Of 0.1.0, which knew one word for both: not heard, and lacking blocks.
      hearing: fields.boolean(fields.has("hearing") ? "hearing" : "recovering"),
    };
  } catch (cause) {
    throw new MusketeersError("JOURNAL_CORRUPT", `The registry's entry ${KEY} is damaged`, { cause });
  }
}

function decodeLacks(value: Uint8Array | undefined): [string, Lack][] {
  if (value === undefined) return [];
  try {
    return (decodeValue(value) as unknown[]).map((row) => {
      const fields = new Fields(LACKS_KEY, row);
      return [fields.string("cid"), { blocks: fields.integer("blocks"), sinceMs: fields.integer("sinceMs") }];
    });
  } catch (cause) {
    throw new MusketeersError("JOURNAL_CORRUPT", `The registry's entry ${LACKS_KEY} is damaged`, { cause });
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
  /** It is another question now what may be planned: a catalogue was heard, or blocks are back or seen to be missing. */
  onHeard: () => void = () => {};
  #stored: CatalogueMarks;
  #signed: Uint8Array | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** One thing after the other. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #wholeness: Wholeness;
  #lackingBlocks = 0;
  readonly #damaged = new Set<string>();
  /** It is still to be said that all is back. */
  #awaited: boolean;
  /** Those who have not said yet what they keep. */
  readonly #recalled = new Set<string>();
  #answered = false;

  private constructor(options: KeepersOptions, stored: CatalogueMarks, lacks: readonly [string, Lack][]) {
    this.#options = options;
    this.#stored = stored;
    this.#wholeness = new Wholeness(() => options.datasets.list().map(({ cid }) => cid), lacks);
    this.#awaited = lacks.length > 0;
    options.accounts.onDue = () => this.#giveAccounts(this.#keepers.values());
    const { limits, blobs } = options;
    this.#refill = new Refill({
      limits,
      blobs,
      roots: () => this.#wholeness.unsure(),
      holdersOf: (cid) => this.holdersOf(cid).filter((worker) => this.#keepers.has(worker)),
      ask: (worker, call, cids) => this.#keepers.get(worker)?.entrust({ type: "upload", call, cids }),
      onLooked: (missing) => this.#onLooked(missing),
    });
  }

  /** @throws MusketeersError `JOURNAL_CORRUPT`, `STORAGE` */
  static async open(options: KeepersOptions): Promise<Keepers> {
    const { registry } = options;
    const before = decodeStored((await registry.get(KEY))?.value);
    const lacks = decodeLacks((await registry.get(LACKS_KEY))?.value);
    const keepers = new Keepers(options, before, lacks);
    await options.datasets.putsAfter(putsAfter(before));
    if (options.recover && !before.hearing) await keepers.#store(afterLoss(before, options.wallMs()));
    keepers.#awaited ||= keepers.hearing;
    // A hub that was killed before it could give out its last change does so now.
    if (!keepers.hearing && keepers.#hasAnything) keepers.changed();
    keepers.#lookWhereUnsure();
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

  /** Whether it is not known yet which datasets there are. */
  get hearing(): boolean {
    return this.#stored.hearing;
  }

  /** Whether the disk was lost once, so that somebody who is away may know of datasets that the hub does not. */
  get wasLost(): boolean {
    return this.#stored.recoveredAtMs > 0;
  }

  /** Which folders are to stay wherever they are; see `Wholeness`. */
  held(): (cid: string) => boolean {
    return this.#wholeness.held();
  }

  /** What is seen to be missing of a folder; undefined: nothing. */
  lackOf(cid: string): Lack | undefined {
    return this.#wholeness.lacks.get(cid);
  }

  /** What an operator should know. */
  warnings(): readonly string[] {
    return [...this.#hearingWarnings(), ...this.#lackWarnings()];
  }

  #hearingWarnings(): readonly string[] {
    if (!this.hearing) return [];
    const { size } = this.#recalled;
    return [
      size === 0
        ? "Recovering: waiting for the trusted workers that keep the catalogue and the blocks of datasets"
        : `Recovering: ${size} trusted workers are still to say which catalogue they keep`,
    ];
  }

  #lackWarnings(): readonly string[] {
    const lacking = this.#options.datasets.list().flatMap(({ name, cid }) => {
      const lack = this.lackOf(cid);
      return lack === undefined ? [] : [{ name, ...lack }];
    });
    const [first] = lacking.toSorted((a, b) => a.sinceMs - b.sinceMs);
    if (first === undefined) return [];
    const others = lacking.length === 1 ? "" : `, and ${lacking.length - 1} more datasets lack others`;
    return [
      `Dataset ${first.name} lacks ${first.blocks} ${first.blocks === 1 ? "block" : "blocks"} since ${new Date(first.sinceMs).toISOString()}${others}: ` +
        "no connected worker keeps them. Start the trusted workers that do, put it again (only what is missing is sent), or give it up with `musketeers rm`",
    ];
  }

  joined(keeper: Keeper): void {
    this.#keepers.set(keeper.worker, keeper);
    // One that was away when the disk was lost may know more than those that were there, also much later.
    if (this.wasLost) {
      this.#recalled.add(keeper.worker);
      keeper.entrust({ type: "recall" });
    } else {
      this.#give(keeper);
      this.#giveAccounts([keeper]);
    }
  }

  left(worker: string): void {
    this.#keepers.delete(worker);
    const owed = this.#recalled.delete(worker);
    this.#refill.left(worker);
    // Nothing is to come of it any more, which may have been all that there was to wait for.
    if (owed && this.hearing) void this.#alone(() => this.#heard());
  }

  /** A worker keeps more than it did. */
  holds(worker: string): void {
    if (this.#keepers.has(worker)) this.#lookWhereUnsure();
  }

  uploaded(worker: string, call: number): void {
    this.#refill.uploaded(worker, call);
  }

  /** A dataset was put, which has all its blocks, or removed. */
  datasetChanged(name: string): void {
    const dataset = this.#options.datasets.find(name);
    if (dataset !== undefined) this.#wholeness.isNowWhole(dataset.cid);
    // What was lacking may be with it, or gone.
    if (this.#lackingBlocks > 0) this.#refill.look();
    this.changed();
  }

  /** Datasets or revoked invites are not what they were. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#alone(() => this.#publish());
    }, CHANGES_TOGETHER_MS);
  }

  /** A block turned out to be damaged, so that any dataset may lack it. Whoever asks for it again is no news. */
  damaged(cid: string): void {
    if (this.#damaged.has(cid)) return;
    this.#damaged.add(cid);
    this.#wholeness.doubt();
    this.#lookWhereUnsure();
  }

  /** A worker gave back what it keeps; whether that is the hub's own, its signature tells. */
  catalogue(worker: string, body: Uint8Array): void {
    const keeper = this.#keepers.get(worker);
    if (keeper === undefined || !this.#recalled.has(worker)) return;
    const bytes = body.slice();
    void this.#alone(async () => {
      // Whatever is wrong with what it gave, it has answered.
      await this.#adopt(keeper, bytes).catch((thrown: unknown) => this.#complain(thrown));
      this.#recalled.delete(worker);
      this.#answered = true;
      if (!this.hearing) {
        this.#give(keeper);
        this.#giveAccounts([keeper]);
      }
      await this.#heard();
    });
  }

  /** The same of accounts. It is answered only with the catalogue, which comes behind them. */
  accounts(worker: string, body: Uint8Array): void {
    const keeper = this.#keepers.get(worker);
    if (keeper === undefined || !this.#recalled.has(worker)) return;
    const bytes = body.slice();
    void this.#alone(async () => {
      const people = await this.#options.accounts.adopt(bytes);
      if (people > 0) {
        this.#options.onNotice(`took back what ${people} people did from the worker ${keeper.name}`);
      }
    });
  }

  close(): void {
    this.#options.accounts.close();
    clearTimeout(this.#timer);
    this.#refill.close();
  }

  async #adopt(keeper: Keeper, bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    const { secretKey, datasets, invites, onNotice } = this.#options;
    const catalogue = openCatalogue(bytes, secretKey);
    if (!isNews(this.#stored, catalogue)) return;
    await datasets.adopt(unheardBy(this.#stored), catalogue.datasets, unsaidBy(catalogue));
    await invites.restore(catalogue.revoked);
    await this.#store(afterAdoption(this.#stored, catalogue));
    this.#wholeness.doubt();
    this.#awaited = true;
    // Whoever has the catalogue of after the loss is to hear of what that did not name.
    this.changed();
    const made = new Date(catalogue.sequence).toISOString();
    onNotice(
      `took the catalogue of ${made} from the worker ${keeper.name}: ${datasets.list().length} datasets`,
    );
  }

  /** Somebody has answered, or will not. As long as others are still to answer there may be more to come. */
  async #heard(): Promise<void> {
    if (this.hearing && this.#answered && this.#recalled.size === 0) {
      await this.#store(afterHearing(this.#stored));
      await this.#publish();
      this.#giveAccounts(this.#keepers.values());
    }
    this.onHeard();
    this.#lookWhereUnsure();
    this.#settle();
  }

  #lookWhereUnsure(): void {
    if (this.#wholeness.unsure().length > 0) this.#refill.look();
  }

  #onLooked(missing: ReadonlyMap<string, number>): void {
    const { onNotice, wallMs, registry } = this.#options;
    this.#wholeness.looked(missing, wallMs());
    const { lacks } = this.#wholeness;
    const lacking = [...lacks.values()].reduce((sum, { blocks }) => sum + blocks, 0);
    if (lacking !== this.#lackingBlocks || this.#awaited) {
      const rows = [...lacks].map(([cid, lack]) => ({ cid, ...lack }));
      void this.#alone(() => registry.put(LACKS_KEY, encodeValue(rows)).then(() => {}));
    }
    if (lacking > 0 && lacking !== this.#lackingBlocks) {
      this.#awaited = true;
      onNotice(`recovering: ${lacking} blocks that can be seen to be missing are with no connected worker`);
    }
    this.#lackingBlocks = lacking;
    this.#settle();
    this.onHeard();
  }

  /** Says so once all is back. */
  #settle(): void {
    if (this.#wholeness.unsure().length > 0) return;
    this.#damaged.clear();
    if (!this.#awaited || this.hearing) return;
    this.#awaited = false;
    this.#options.onNotice("recovered: all blocks of all datasets are back");
  }

  async #publish(): Promise<void> {
    if (this.hearing) return;
    await this.#store(afterPublishing(this.#stored, this.#options.wallMs()));
    this.#signed = undefined;
    // Who has not said yet what it keeps is to keep it until it has.
    for (const keeper of this.#keepers.values()) if (!this.isOwing(keeper.worker)) this.#give(keeper);
  }

  #giveAccounts(keepers: Iterable<Keeper>): void {
    const given = [...keepers];
    if (this.hearing || given.length === 0) return;
    const signed = this.#options.accounts.signed();
    signed.then(
      (bytes) => {
        for (const keeper of bytes === undefined ? [] : given) {
          // It may have left meanwhile, and come back with more.
          const isThere = this.#keepers.get(keeper.worker) === keeper && !this.isOwing(keeper.worker);
          if (isThere) keeper.entrust({ type: "accounts" }, bytes);
        }
      },
      (thrown: unknown) => this.#complain(thrown),
    );
  }

  #give(keeper: Keeper): void {
    const { sequence, unheard } = this.#stored;
    if (sequence === 0) return;
    const { secretKey, datasets, invites, limits, onNotice } = this.#options;
    if (this.#signed === undefined) {
      const revoked = invites.list().filter(({ revokedAtMs }) => revokedAtMs !== null);
      this.#signed = signCatalogue({ sequence, unheard, datasets: datasets.list(), revoked }, secretKey);
      if (this.#signed.length > limits.catalogueBytesMax) {
        onNotice("the catalogue is too large to be kept by workers (catalogueBytesMax); make backups");
      }
    }
    if (this.#signed.length <= limits.catalogueBytesMax) keeper.entrust({ type: "catalogue" }, this.#signed);
  }

  async #store(change: Partial<CatalogueMarks>): Promise<void> {
    const stored = { ...this.#stored, ...change };
    await this.#options.datasets.putsAfter(putsAfter(stored));
    await this.#options.registry.put(KEY, encodeValue({ ...stored, unheard: stored.unheard.flat() }));
    this.#stored = stored;
  }

  #alone(action: () => Promise<void>): Promise<void> {
    const done = this.#last.then(action).catch((thrown: unknown) => this.#complain(thrown));
    this.#last = done;
    return done;
  }

  #complain(thrown: unknown): void {
    const { code, message } = toMusketeersError(thrown);
    this.#options.onNotice(`the catalogue: ${message} (${code})`);
  }
}
