import { purpose } from "../environment/purpose.ts";
import { seededRandom } from "../environment/random.ts";
import type { Hub } from "../hub.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import type { NetworkScenario, Random } from "../types.ts";
import type { World } from "../world.ts";
import { Fetcher, Line } from "./fetcher.ts";
import { Keeper } from "./keeper.ts";
import type { Catalogue, Shelf } from "./shelf.ts";

const HEADER_BYTES = 100;
const BLOCK_NAME_BYTES = 40;

export interface StockHost {
  readonly world: World;
  readonly hub: Hub;
  readonly network: NetworkScenario;
  /** Whether its link is there and works. */
  readonly isConnected: () => boolean;
  readonly isAwake: () => boolean;
  readonly send: (kind: string, bytes: number, action: (session: Session) => void) => void;
}

/** What a machine has of datasets: a disk that may outlive it, and for each life what gets and keeps blocks. */
export class Stock {
  readonly #machine: Machine;
  readonly #host: StockHost;
  readonly #random: Random;
  readonly #line: Line;
  /** Its line to neighbours. */
  readonly nearLine: Line;
  #fetcher: Fetcher | undefined;
  #keeper: Keeper | undefined;

  constructor(machine: Machine, host: StockHost) {
    this.#machine = machine;
    this.#host = host;
    this.#random = seededRandom(host.world.seed, purpose.keeping, machine.number);
    this.#line = new Line(host.network.bytesPerSecond);
    this.nearLine = new Line(machine.population.neighbourBytesPerSecond);
  }

  get #shelf(): Shelf {
    return this.#host.world.archive.shelfOf(this.#machine);
  }

  boot(): void {
    const { world, hub, network, isAwake, isConnected } = this.#host;
    const shelf = this.#shelf;
    const announce = (added: readonly string[], dropped: readonly string[]) => this.#announce(added, dropped);
    const fetcher = new Fetcher({
      world,
      shelf,
      network,
      random: this.#random,
      line: this.#line,
      isAwake,
      announce,
      neighbour: (block) => world.archive.neighbour(this.#machine, block),
      ask: (block) => {
        if (!hub.up || !isConnected()) return "away";
        return hub.custody.has(block) ? "here" : "nowhere";
      },
    });
    this.#fetcher = fetcher;
    if (!this.#machine.isTrusted) return;
    this.#keeper = new Keeper({
      shelf,
      fetcher,
      announce,
      blocksOf: (cid) => world.archive.blocksOf(cid),
      refuses: () => this.#random.chance(this.#machine.population.noSpaceRate ?? 0),
      kept: (message) =>
        this.#host.send("kept", HEADER_BYTES, (session) => hub.custody.kept(session, message)),
      dropping: (cid, generation) => world.curator.dropping(shelf, cid, generation, hub.custody),
    });
  }

  /** Its process ends. */
  off(): void {
    this.#fetcher?.stop();
    this.#fetcher = undefined;
    this.#keeper = undefined;
    if (!this.#random.chance(this.#machine.population.diskLostShare ?? 0)) return;
    const { world, hub } = this.#host;
    world.archive.lose(this.#machine);
    world.curator.shelfLost(hub.custody);
  }

  /** Connected: says what it has. */
  welcomed(): void {
    this.#tell([...this.#shelf.blocks()], []);
    this.#keeper?.welcomed();
  }

  /** In how many milliseconds a block is there. */
  obtain(block: string): number | "away" | "nowhere" {
    return this.#fetcher?.obtain(block) ?? "away";
  }

  // What the hub sends to those that it trusts.

  recalled(): void {
    const { catalogue } = this.#shelf;
    this.#host.send("catalogue", HEADER_BYTES, (session) =>
      this.#host.hub.custody.catalogue(session, catalogue),
    );
  }

  entrusted(catalogue: Catalogue): void {
    this.#keeper?.catalogue(catalogue);
  }

  keeps(cids: readonly string[], generation: number): void {
    this.#keeper?.keep(cids, generation);
  }

  uploads(call: number, blocks: readonly string[]): void {
    const { world, hub, send } = this.#host;
    const had = blocks.filter((block) => this.#shelf.has(block));
    const bytes = had.reduce((sum, block) => sum + world.archive.bytesOf(block), HEADER_BYTES);
    send("uploaded", bytes, (session) => hub.custody.uploaded(session, call, had));
  }

  #announce(added: readonly string[], dropped: readonly string[]): void {
    this.#host.world.archive.note(this.#machine, added, dropped);
    if (added.length + dropped.length > 0) this.#tell(added, dropped);
  }

  #tell(added: readonly string[], dropped: readonly string[]): void {
    const bytes = HEADER_BYTES + BLOCK_NAME_BYTES * (added.length + dropped.length);
    this.#host.send("holds", bytes, (session) => this.#host.hub.custody.holds(session, added, dropped));
  }
}

/** A message for a machine's stock; nothing where its link is another one by now. */
export const toStock = (
  { machine, link }: Session,
  kind: string,
  bytes: number,
  action: (stock: Stock) => void,
): void => {
  link.send("machine", kind, bytes, () => {
    if (machine.isOnLink(link) && machine.stock !== undefined) action(machine.stock);
  });
};
