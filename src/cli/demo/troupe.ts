import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Hub, startHub } from "../../hub/index.ts";
import { type LocalWorker, startLocalWorker } from "../local-workers.ts";
import { type Exchange, startExchange } from "./exchange.ts";

/** The cluster of the demo: a hub on a directory of its own, four workers, and the site that they read. */
export interface Troupe {
  readonly hub: Hub;
  readonly exchange: Exchange;
  close(): Promise<void>;
  /** For when there is no time for `close`. */
  abandon(): void;
}

const MUSKETEERS = 4;
const PAGE_MS = 100;
const INVITE_EXPIRES_MS = 24 * 3_600_000;

/** Starts everything, and resolves when all four have joined; what was started is ended where that fails. */
export async function gatherTroupe(onStart: (troupe: Pick<Troupe, "abandon">) => void): Promise<Troupe> {
  const workers: LocalWorker[] = [];
  const undo: (() => Promise<void>)[] = [];
  const directory = await mkdtemp(join(tmpdir(), "musketeers-demo-"));
  undo.push(() => rm(directory, { recursive: true, force: true }));
  const abandon = () => {
    for (const worker of workers) worker.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  onStart({ abandon });
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const exchange = await startExchange(PAGE_MS);
    undo.push(() => exchange.close());
    const hub = await startHub({ listen: "127.0.0.1:0", data: join(directory, "hub"), name: "demo" });
    undo.push(() => hub.close());
    undo.push(async () => void (await Promise.all(workers.map((worker) => worker.stop()))));
    for (let number = 1; number <= MUSKETEERS; number++) {
      const name = `musketeer${number}`;
      const invite = hub.invite({ role: "worker", expiresInMs: INVITE_EXPIRES_MS, label: name });
      workers.push(startLocalWorker({ invite, name, slots: 1, allowNet: [exchange.host] }));
    }
    await Promise.all(workers.map(({ joined }) => joined));
    return { hub, exchange, close, abandon };
  } catch (error) {
    await close();
    throw error;
  }
}
