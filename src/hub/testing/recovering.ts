import { type BlockSink, buildFile, TreeBuilder } from "../../data/index.ts";
import { type Engine, memoryEngine } from "../../engine/index.ts";
import { defaultLimits, type HubToKeeper, type Limits } from "../../protocol/index.ts";
import { newSecretKey } from "../../security/index.ts";
import { Credit } from "../credit/index.ts";
import { Datasets } from "../datasets/datasets.ts";
import { Invites } from "../invites/invites.ts";
import { Accounts, openAccountsMarks } from "../recovery/accounts.ts";
import { type Keeper, Keepers } from "../recovery/keepers.ts";
import { type KnownPerson, People } from "../trust/index.ts";

export const secretKey = newSecretKey();

/** One hub's part: what it stores, what it keeps in mind, what it said. */
export class Site {
  readonly notices: string[] = [];
  engine!: Engine;
  datasets!: Datasets;
  invites!: Invites;
  keepers!: Keepers;
  credit!: Credit;
  people!: People;
  accounts!: Accounts;
  /** Who turned up of before a loss. */
  readonly recalled: KnownPerson[] = [];
  #watchers: (() => void)[] = [];

  static async open(
    options: {
      engine?: Engine;
      recover?: boolean;
      key?: Uint8Array;
      nowMs?: number;
      limits?: Partial<Limits>;
    } = {},
  ) {
    const { engine = memoryEngine(), recover = false, key = secretKey, nowMs = 1_000 } = options;
    const site = new Site();
    const { registry, blobs } = engine;
    const limits = { ...defaultLimits, recoveryIntervalMs: 1, ...options.limits };
    const wallMs = () => nowMs;
    site.engine = engine;
    site.datasets = await Datasets.open({ registry, blobs, limits, wallMs });
    site.invites = await Invites.open(registry, key, wallMs);
    const onNotice = (notice: string) => {
      site.notices.push(notice);
      for (const watcher of site.#watchers.splice(0)) watcher();
    };
    const marks = await openAccountsMarks(registry, recover, nowMs);
    site.credit = await Credit.open({ registry, limits, wallMs, lifeMs: marks.lifeMs });
    const onFault = (error: unknown): never => {
      throw error;
    };
    site.people = new People(registry, limits.peopleSaveMs, onFault);
    const { credit, people } = site;
    const custody = { secretKey: key, registry, limits, wallMs, onNotice };
    site.accounts = new Accounts({ ...custody, marks, credit, people });
    credit.onChanged = () => site.accounts.changed();
    people.onChanged = () => site.accounts.changed();
    site.accounts.onPerson = (person) => void site.recalled.push(person);
    const { datasets, invites, accounts } = site;
    site.keepers = await Keepers.open({ ...custody, blobs, datasets, invites, accounts, recover });
    site.datasets.onChanged = (name) => site.keepers.datasetChanged(name);
    return site;
  }

  async until(pattern: RegExp): Promise<void> {
    while (!this.notices.some((notice) => pattern.test(notice))) {
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }
}

/** A worker that keeps blocks and a catalogue. */
export class FakeWorker implements Keeper {
  readonly worker: string;
  readonly blocks: Map<string, Uint8Array>;
  catalogue = new Uint8Array(0);
  /** The signed accounts that it keeps. */
  accounts = new Uint8Array(0);
  received = 0;
  receivedAccounts = 0;
  /** How many blocks each upload asked for. */
  readonly asked: number[] = [];
  /** Whether it answers at all. */
  answers = true;
  site: Site | undefined;
  #watchers: (() => void)[] = [];

  constructor(worker: string, blocks: Iterable<readonly [string, Uint8Array]> = []) {
    this.worker = worker;
    this.blocks = new Map(blocks);
  }

  get name(): string {
    return this.worker;
  }

  join(site: Site): void {
    this.site = site;
    site.keepers.joined(this);
    site.keepers.holds(this.worker);
  }

  leave(): void {
    this.site?.keepers.left(this.worker);
    this.site = undefined;
  }

  entrust(message: HubToKeeper, body: Uint8Array = new Uint8Array(0)): void {
    if (message.type === "catalogue") {
      this.catalogue = body.slice();
      this.received++;
      for (const watcher of this.#watchers.splice(0)) watcher();
    }
    if (message.type === "accounts") {
      this.accounts = body.slice();
      this.receivedAccounts++;
      for (const watcher of this.#watchers.splice(0)) watcher();
    }
    if (message.type === "upload") this.asked.push(message.cids.length);
    if (this.answers) void this.#answer(message);
  }

  /** Resolves when the hub has given it its catalogue so many times. */
  async given(times: number): Promise<void> {
    while (this.received < times) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** Resolves when the hub has given it accounts so many times. */
  async givenAccounts(times: number): Promise<void> {
    while (this.receivedAccounts < times) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  async #answer(message: HubToKeeper): Promise<void> {
    const { site } = this;
    if (message.type === "recall" && this.accounts.length > 0)
      site?.keepers.accounts(this.worker, this.accounts);
    if (message.type === "recall") site?.keepers.catalogue(this.worker, this.catalogue);
    if (message.type !== "upload") return;
    for (const cid of message.cids) {
      const bytes = this.blocks.get(cid);
      if (bytes !== undefined) await site?.engine.blobs.put(bytes, { expect: cid });
    }
    this.site?.keepers.uploaded(this.worker, message.call);
  }
}

export const holders = (site: Site, workers: readonly FakeWorker[]) => {
  site.keepers.holdersOf = (cid) =>
    workers.filter((worker) => worker.site === site && worker.blocks.has(cid)).map(({ worker }) => worker);
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A folder's blocks, all there are. */
export async function folderOf(files: Record<string, string>) {
  const blocks = new Map<string, Uint8Array>();
  const sink: BlockSink = { put: (cid, bytes) => void blocks.set(cid, bytes) };
  const tree = new TreeBuilder(sink);
  for (const [path, text] of Object.entries(files)) {
    tree.add(path, await buildFile([bytesOf(text)], sink, { chunkBytes: 8 }));
  }
  return { cid: (await tree.end()).cid, blocks };
}

export async function put(
  site: Site,
  name: string,
  folder: Awaited<ReturnType<typeof folderOf>>,
): Promise<void> {
  for (const [cid, bytes] of folder.blocks) await site.engine.blobs.put(bytes, { expect: cid });
  await site.datasets.put({ name, cid: folder.cid, replicas: 1, replace: true, owner: "alice" });
}
