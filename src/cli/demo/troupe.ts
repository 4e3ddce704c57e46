import { join } from "node:path";
import { type Hub, startHub } from "../../hub/index.ts";
import type { Role } from "../../protocol/index.ts";
import { parseInvite } from "../../security/index.ts";
import { makeScratch } from "../../worker/node.ts";
import { openOwner } from "../files/endorse.ts";
import { type LocalWorker, startLocalWorker } from "../joining/local-workers.ts";
import { type Exchange, startExchange } from "./exchange.ts";

/** The cluster of the demo: a hub on a directory of its own, four workers, and the site that they read. */
export interface Troupe {
  readonly hub: Hub;
  /** Makes an invite, endorsed by the owner of the demo's project. */
  invite(role: Role, label: string): string;
  readonly exchange: Exchange;
  close(): Promise<void>;
}

/** Who reaches the hub: this machine, or its network, by TLS unless that is declined. */
interface Reach {
  readonly lan?: boolean;
  readonly insecureHttp?: boolean;
}

const MUSKETEERS = 4;
const PAGE_MS = 100;
const INVITE_EXPIRES_MS = 24 * 3_600_000;

/**
 * Starts everything, and resolves when all four have joined; what was started is ended where that fails. Where the
 * process exits without `close`, nothing is left behind either.
 */
export async function gatherTroupe({ lan = false, insecureHttp = false }: Reach = {}): Promise<Troupe> {
  const workers: LocalWorker[] = [];
  const undo: (() => Promise<void>)[] = [];
  const scratch = makeScratch(() => {
    for (const worker of workers) worker.kill();
  }, "demo");
  undo.push(() => scratch.remove());
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const exchange = await startExchange(PAGE_MS);
    undo.push(() => exchange.close());
    const security = !lan ? {} : insecureHttp ? { insecureHttp } : { tls: "own" as const };
    const hub = await startHub({
      listen: lan ? "0.0.0.0:0" : "127.0.0.1:0",
      data: join(scratch.path, "hub"),
      name: "demo",
      ...security,
    });
    undo.push(() => hub.close());
    undo.push(async () => void (await Promise.all(workers.map((worker) => worker.stop()))));
    const { hubKey, project } = parseInvite(
      hub.invite({ role: "viewer", expiresInMs: 1, label: "demo", ephemeral: true }),
    );
    const owner = await openOwner({ hubKey, project }, process.env);
    undo.push(() => owner.forget());
    const asks = { net: [exchange.host], memoryBytes: 0 };
    const invite = (role: Role, label: string) =>
      owner.endorse(hub.invite({ role, expiresInMs: INVITE_EXPIRES_MS, label }), asks);
    for (let number = 1; number <= MUSKETEERS; number++) {
      const name = `musketeer${number}`;
      workers.push(
        startLocalWorker({ invite: invite("worker", name), name, slots: 1, allowNet: [exchange.host] }),
      );
    }
    await Promise.all(workers.map(({ joined }) => joined));
    return { hub, invite, exchange, close };
  } catch (error) {
    await close();
    throw error;
  }
}
