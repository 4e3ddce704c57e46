import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { type BlobSourceHint, defaultLimits, type NeighbourToHub } from "../../protocol/index.ts";
import { BlobFetcher } from "./fetch-blob.ts";
import { Neighbours, type NeighboursOptions } from "./neighbours.ts";

const blob = (number: number) => new Uint8Array(100).fill(number);
const cids = [0, 1, 2].map((number) => cidOf(blob(number))) as [string, string, string];
const limits = { ...defaultLimits, holdsIntervalMs: 1 };

/** A promise and what fulfils it. */
function deferred<T>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve: (value) => resolve(value) };
}

/** A neighbour that answers as it is told; how it is called in a hub's answer. */
async function neighbour(worker: string, listener: RequestListener): Promise<BlobSourceHint> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    worker,
    address: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    token: `for ${worker}`,
  };
}

const gives = (bytes: Uint8Array) => neighbour("good", (_request, response) => response.end(bytes));

/** Neighbours whose hub names these sources for every blob. */
function surrounded(sources: readonly BlobSourceHint[], options: Partial<NeighboursOptions> = {}) {
  const fetcher = new BlobFetcher();
  onTestFinished(() => fetcher.close());
  const sent: NeighbourToHub[] = [];
  const fromHub: string[] = [];
  const arrived: (() => void)[] = [];
  const neighbours: Neighbours = new Neighbours({
    hub: {
      get: async (cid) => {
        fromHub.push(cid);
        return blob(cids.indexOf(cid));
      },
      put: async () => "",
    },
    includes: () => true,
    fetchBlob: (from, cid, call) => fetcher.fetch(from, cid, call),
    limits,
    send: (message) => {
      sent.push(message);
      for (const tell of arrived.splice(0)) tell();
      if (message.type !== "locate") return true;
      const { call } = message;
      const answer = { type: "located", call, sources: message.cids.map(() => sources) } as const;
      queueMicrotask(() => neighbours.onLocated(answer));
      return true;
    },
    ...options,
  });
  onTestFinished(() => neighbours.close());
  neighbours.onNear(true);
  const next = () => new Promise<void>((resolve) => arrived.push(resolve));
  return { neighbours, sent, fromHub, next };
}

describe("a blob", () => {
  test("comes from a neighbour, with the token for it", async () => {
    const asked: (string | undefined)[] = [];
    const source = await neighbour("good", (request, response) => {
      asked.push(request.url, request.headers.authorization);
      response.end(blob(0));
    });
    const { neighbours, fromHub } = surrounded([source]);
    expect(await neighbours.get(cids[0])).toEqual(blob(0));
    expect(asked).toEqual([`/blobs/${cids[0]}`, "Bearer for good"]);
    expect(fromHub).toEqual([]);
  });

  test("comes from the hub without a question where nobody is near", async () => {
    const { neighbours, sent, fromHub } = surrounded([]);
    neighbours.onNear(false);
    expect(await neighbours.get(cids[0])).toEqual(blob(0));
    expect([sent, fromHub]).toEqual([[], [cids[0]]]);
  });

  test("that is wrong is refused, blamed, and fetched elsewhere", async () => {
    const liar = await neighbour("liar", (_request, response) => response.end(blob(9)));
    const { neighbours, sent, fromHub } = surrounded([liar, await gives(blob(0))]);
    expect(await neighbours.get(cids[0])).toEqual(blob(0));
    expect(fromHub).toEqual([]);
    await neighbours.get(cids[0]);
    expect(sent.at(-1)).toMatchObject({ faults: [{ worker: "liar", fault: "wrong" }] });
  });

  test("neighbourRetryMs: who gave a wrong one is not asked again, whatever the hub says", async () => {
    let asked = 0;
    const liar = await neighbour("liar", (_request, response) => {
      asked++;
      response.end(blob(9));
    });
    const { neighbours, fromHub } = surrounded([liar]);
    for (const cid of cids) await neighbours.get(cid);
    expect(asked).toBe(1);
    expect(fromHub).toEqual(cids);
  });

  test("neighbourStallMs: a neighbour that gives nothing is given up, and blamed", async () => {
    const silent = await neighbour("silent", () => {});
    const { neighbours, sent, fromHub } = surrounded([silent], {
      limits: { ...limits, neighbourStallMs: 5 },
    });
    expect(await neighbours.get(cids[0])).toEqual(blob(0));
    expect(fromHub).toEqual([cids[0]]);
    await neighbours.get(cids[1]);
    expect(sent.at(-1)).toMatchObject({ faults: [{ worker: "silent", fault: "unreachable" }] });
  });

  test("that a neighbour has not got any more comes from the hub, without blame", async () => {
    const empty = await neighbour("empty", (_request, response) =>
      response.writeHead(404).end('{"code":"NOT_FOUND"}'),
    );
    const { neighbours, sent, fromHub } = surrounded([empty]);
    for (const cid of cids) expect(await neighbours.get(cid)).toEqual(blob(cids.indexOf(cid)));
    expect(fromHub).toEqual(cids);
    expect(sent.flatMap((message) => (message.type === "locate" ? message.faults : []))).toEqual([]);
  });

  test("is fetched from no address outside the machine's networks", async () => {
    let dialled = 0;
    const { neighbours, fromHub } = surrounded(
      [{ worker: "far", address: "203.0.113.9", port: 80, token: "x" }],
      {
        includes: (address) => address !== "203.0.113.9",
        fetchBlob: async () => {
          dialled++;
          return blob(0);
        },
      },
    );
    await neighbours.get(cids[0]);
    expect([dialled, fromHub]).toEqual([0, [cids[0]]]);
  });

  test("is fetched from no port on which a router or the like may listen", async () => {
    const dialled: number[] = [];
    const { neighbours, fromHub } = surrounded(
      [80, 443, 1_023, 1_024].map((port) => ({ worker: `w${port}`, address: "127.0.0.1", port, token: "x" })),
      {
        fetchBlob: async ({ port }) => {
          dialled.push(port);
          return blob(0);
        },
      },
    );
    await neighbours.get(cids[0]);
    expect([dialled, fromHub]).toEqual([[1_024], []]);
  });

  test("that nobody wants any more is fetched from nobody", async () => {
    const abort = new AbortController();
    const source = await neighbour("slow", () => abort.abort(new Error("enough")));
    const { neighbours, fromHub } = surrounded([source]);
    await expect(neighbours.get(cids[0], { signal: abort.signal })).rejects.toThrow("enough");
    expect(fromHub).toEqual([]);
  });
});

describe("questions", () => {
  test("locateBlobsMax: travel together, so many in one message", async () => {
    const { neighbours, sent } = surrounded([], { limits: { ...limits, locateBlobsMax: 2 } });
    await Promise.all(cids.map((cid) => neighbours.get(cid)));
    expect(sent.map((message) => message.type === "locate" && message.cids.length)).toEqual([2, 1]);
  });

  test("that the hub does not answer before the connection ends are answered by the hub's store", async () => {
    const asked = deferred<void>();
    const { neighbours, fromHub } = surrounded([], {
      send: () => {
        asked.resolve();
        return true;
      },
    });
    const got = Promise.all(cids.map((cid) => neighbours.get(cid)));
    await asked.promise;
    neighbours.onDown();
    await got;
    expect(fromHub.toSorted()).toEqual(cids.toSorted());
  });

  test("that cannot be asked are not waited for", async () => {
    const { neighbours, fromHub } = surrounded([], { send: () => false });
    await neighbours.get(cids[0]);
    expect(fromHub).toEqual([cids[0]]);
  });
});

describe("what it keeps", () => {
  test("holdsIntervalMs: is said together, and what came and went is not said", async () => {
    const { neighbours, sent, next } = surrounded([]);
    const told = next();
    neighbours.kept(cids[0]);
    neighbours.kept(cids[1]);
    neighbours.dropped(cids[1]);
    neighbours.dropped(cids[2]);
    await told;
    expect(sent).toEqual([{ type: "holds", add: [cids[0]], drop: [cids[2]] }]);
  });

  test("is said anew on each connection", async () => {
    const { neighbours, sent, next } = surrounded([], { limits: { ...limits, locateBlobsMax: 2 } });
    const told = next();
    neighbours.dropped(cids[0]);
    neighbours.onUp(cids);
    await told;
    expect(sent).toEqual([
      { type: "holds", add: [cids[0], cids[1]], drop: [] },
      { type: "holds", add: [cids[2]], drop: [] },
    ]);
  });
});
