import type { Limits } from "../../protocol/index.ts";
import type { Surroundings } from "./blob-exchange.ts";
import { BlobFetcher } from "./fetch-blob.ts";
import { placesOf } from "./places.ts";
import { NeighbourServer, type NeighbourServerOptions } from "./server.ts";

export interface ServeOptions {
  readonly serve?: boolean | number;
  readonly trust?: boolean;
}

type Peek = NeighbourServerOptions["peek"];

/**
 * What each of a worker's hubs is told of where the worker is: each has a port and a key of its own, so that
 * none can give others the right to what belongs to another hub.
 * @throws MusketeersError `ADDRESS_IN_USE`, `BAD_ARGUMENT` for a port that cannot be had.
 */
export async function openSurroundings(
  hubs: number,
  { serve, trust }: ServeOptions,
  limits: Limits,
): Promise<Surroundings[]> {
  const serves = serve ?? trust === true;
  const opened: Surroundings[] = [];
  try {
    for (let hub = 0; hub < hubs; hub++) {
      const port = typeof serves === "number" ? serves + hub : 0;
      opened.push(await openOne(serves === false ? undefined : port, limits));
    }
  } catch (error) {
    await Promise.all(opened.map((one) => one.close()));
    throw error;
  }
  return opened;
}

async function openOne(port: number | undefined, limits: Limits): Promise<Surroundings> {
  let peek: Peek = async () => undefined;
  const includes = (address: string) => placesOf().includes(address);
  const server =
    port === undefined
      ? undefined
      : await NeighbourServer.open({ peek: (cid, call) => peek(cid, call), includes, limits, port });
  const fetcher = new BlobFetcher();
  return {
    fetchBlob: (from, cid, call) => fetcher.fetch(from, cid, call),
    places: () => placesOf(),
    server,
    attach: (other) => {
      peek = other;
    },
    close: async () => {
      fetcher.close();
      await server?.close();
    },
  };
}
