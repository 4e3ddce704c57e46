import { type BlockSink, buildFile, TreeBuilder } from "../../data/index.ts";
import { type Engine, memoryEngine } from "../../engine/index.ts";
import { defaultLimits, type HubToKeeper, type Limits } from "../../protocol/index.ts";
import { newSecretKey } from "../../security/index.ts";
import { Datasets } from "../datasets/datasets.ts";
import { Invites } from "../invites/invites.ts";
import { type Keeper, Keepers } from "../recovery/keepers.ts";

export const secretKey = newSecretKey();

/** One hub's part: what it stores, what it keeps in mind, what it said. */
export class Site {
  readonly notices: string[] = [];
  engine!: Engine;
  datasets!: Datasets;
  invites!: Invites;
  keepers!: Keepers;
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
    site.keepers = await Keepers.open({
      secretKey: key,
      registry,
      blobs,
      datasets: site.datasets,
      invites: site.invites,
      limits,
      wallMs,
      recover,
      onNotice: (notice) => {
        site.notices.push(notice);
        for (const watcher of site.#watchers.splice(0)) watcher();
      },
    });
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
  received = 0;
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
    if (message.type === "upload") this.asked.push(message.cids.length);
    if (this.answers) void this.#answer(message);
  }

  /** Resolves when the hub has given it its catalogue so many times. */
  async given(times: number): Promise<void> {
    while (this.received < times) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  async #answer(message: HubToKeeper): Promise<void> {
    const { site } = this;
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
