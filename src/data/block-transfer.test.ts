import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultLimits, MusketeersError } from "../protocol/index.ts";
import { unpackBlocks } from "./batch-intake.ts";
import { type BatchBlock, packBlocks } from "./block-batch.ts";
import { BlockFetcher } from "./block-fetcher.ts";
import { BlockUpload } from "./block-upload.ts";
import { cidOf, isNamedBy } from "./cid.ts";
import { HubExchange } from "./hub-exchange.ts";
import { BlobClient } from "./transfer.ts";
import { CHUNK_BYTES } from "./unixfs/file-builder.ts";

/** A hub's routes for blocks, and what goes wrong on the way. */
class FakeHub {
  readonly blocks = new Map<string, Uint8Array>();
  readonly requests: string[] = [];
  /** Bytes of blocks that came with uploads. */
  received = 0;
  /** Most uploads at the same time. */
  uploadsMax = 0;
  #uploads = 0;
  /** Answers a request in its stead, or lets it pass. */
  fault: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean> = () => false;
  /** Changes what leaves. */
  spoil: (block: BatchBlock) => BatchBlock | undefined = (block) => block;
  readonly #server: Server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`);
    if (await this.fault(request, response)) return;
    if (request.url === "/blocks") return this.#store(request, response);
    const body: Buffer[] = [];
    for await (const part of request) body.push(part as Buffer);
    if (request.url === "/blocks/get") {
      const wanted = Buffer.concat(body).toString().split("\n");
      const found = wanted.flatMap((cid) => {
        const bytes = this.blocks.get(cid);
        return bytes === undefined ? [] : (this.spoil({ cid, bytes }) ?? []);
      });
      response.end(packBlocks(found));
      return;
    }
    const bytes = this.blocks.get(request.url!.slice("/blobs/".length));
    response.statusCode = bytes === undefined ? 404 : 200;
    response.end(bytes ?? JSON.stringify(new MusketeersError("NOT_FOUND", "no such block")));
  }

  async #store(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.uploadsMax = Math.max(this.uploadsMax, ++this.#uploads);
    try {
      for await (const { cid, bytes } of unpackBlocks(request, 1e6)) {
        expect(isNamedBy(bytes, cid)).toBe(true);
        this.received += bytes.length;
        this.blocks.set(cid, bytes);
      }
      // So that uploads that may overlap do.
      await new Promise(setImmediate);
    } finally {
      this.#uploads--;
    }
    response.statusCode = 201;
    response.end("{}");
  }
}

const limits = {
  ...defaultLimits,
  blobAttemptsMax: 4,
  reconnectDelayMinMs: 1,
  reconnectDelayMaxMs: 2,
  blockBatchBytesTarget: 1000,
};

let hub: FakeHub;
let exchange: HubExchange;
let single: BlobClient;

beforeEach(async () => {
  hub = new FakeHub();
  const options = { baseUrl: await hub.start(), token: () => "token", limits };
  exchange = new HubExchange(options);
  single = new BlobClient(options);
});

afterEach(() => hub.stop());

const blocksOf = (count: number, bytes = 100): BatchBlock[] =>
  Array.from({ length: count }, (_, index) => {
    const content = new Uint8Array(bytes).fill(index);
    content[0] = index >> 8;
    return { bytes: content, cid: cidOf(content, index % 5 === 0 ? "dag-pb" : "raw") };
  });

const fetcherOf = (changes: Partial<typeof limits> = {}) =>
  new BlockFetcher({ exchange, limits: { ...limits, ...changes }, single });

const uploadOf = (changes: Partial<ConstructorParameters<typeof BlockUpload>[0]> = {}) =>
  new BlockUpload({
    exchange,
    limits,
    now: () => 0,
    has: async (cids) => cids.map((cid) => hub.blocks.has(cid)),
    persist: (attempt) => attempt(),
    ...changes,
  });

describe("fetching", () => {
  test("what is asked for together comes together, each verified", async () => {
    const blocks = blocksOf(40);
    for (const { cid, bytes } of blocks) hub.blocks.set(cid, bytes);
    const fetcher = fetcherOf();
    const got = await Promise.all([...blocks, ...blocks].map(({ cid }) => fetcher.get(cid)));
    expect(got.every((bytes, index) => Buffer.compare(bytes, blocks[index % 40]!.bytes) === 0)).toBe(true);
    expect(hub.requests).toEqual(Array.from({ length: 4 }, () => "POST /blocks/get"));
    await expect(fetcher.get(cidOf(new Uint8Array(7)))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(fetcher.get("hello")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  });

  test("blocks that come wrong, or not at all, are asked for by themselves; the others are not", async () => {
    const blocks = blocksOf(16);
    for (const { cid, bytes } of blocks) hub.blocks.set(cid, bytes);
    const [flipped, absent] = [blocks[3]!, blocks[9]!];
    hub.spoil = (block) => {
      if (block.cid === absent.cid) return undefined;
      return block.cid === flipped.cid ? { ...block, bytes: block.bytes.map((byte) => byte ^ 1) } : block;
    };
    const fetcher = fetcherOf();
    const got = await Promise.all(blocks.map(({ cid }) => fetcher.get(cid)));
    expect(got.every((bytes, index) => Buffer.compare(bytes, blocks[index]!.bytes) === 0)).toBe(true);
    expect(hub.requests.filter((request) => request.startsWith("GET")).sort()).toEqual(
      [flipped, absent].map(({ cid }) => `GET /blobs/${cid}`).sort(),
    );
  });

  test("memory that is given back is used again; what several have stays theirs", async () => {
    const blocks = blocksOf(12, CHUNK_BYTES);
    for (const { cid, bytes } of blocks) hub.blocks.set(cid, bytes);
    const fetcher = fetcherOf();
    const memory = new Set<ArrayBufferLike>();
    for (const { cid, bytes } of blocks) {
      const got = await fetcher.get(cid);
      expect(Buffer.compare(got, bytes)).toBe(0);
      memory.add(got.buffer);
      fetcher.release(got);
    }
    expect(memory.size).toBe(1);
    const [first, second] = blocks as [BatchBlock, BatchBlock];
    const shared = await Promise.all([fetcher.get(first.cid), fetcher.get(first.cid)]);
    for (const each of shared) fetcher.release(each);
    const later = await fetcher.get(second.cid);
    expect(later.buffer).not.toBe(shared[0].buffer);
    expect(shared.map((each) => Buffer.compare(each, first.bytes))).toEqual([0, 0]);
  });

  test("who asks for a block that has just come gets one of its own", async () => {
    const [block] = blocksOf(1, CHUNK_BYTES) as [BatchBlock];
    hub.blocks.set(block.cid, block.bytes);
    const fetcher = fetcherOf();
    let again: Promise<Uint8Array> | undefined;
    const first = await fetcher.get(block.cid).then((bytes) => {
      again = fetcher.get(block.cid);
      return bytes;
    });
    fetcher.release(first.fill(1));
    expect(Buffer.compare((await again)!, block.bytes)).toBe(0);
  });

  test("a cut costs the blocks that had not come", async () => {
    const blocks = blocksOf(8, 50_000);
    for (const { cid, bytes } of blocks) hub.blocks.set(cid, bytes);
    hub.fault = (request, response) => {
      if (request.url !== "/blocks/get") return false;
      const body = packBlocks(blocks);
      response.writeHead(200, { "content-length": body.length });
      response.write(body.subarray(0, Math.floor(body.length * 0.6)), () => response.destroy());
      return true;
    };
    const fetcher = fetcherOf({ blockBatchesAtOnce: 1 });
    const got = await Promise.all(blocks.map(({ cid }) => fetcher.get(cid)));
    expect(got.every((bytes, index) => Buffer.compare(bytes, blocks[index]!.bytes) === 0)).toBe(true);
    const singles = hub.requests.filter((request) => request.startsWith("GET")).length;
    expect(singles).toBeGreaterThanOrEqual(4);
    expect(singles).toBeLessThanOrEqual(8);
  });

  test("who leaves is let go at once; a fetch that nobody waits for is given up", async () => {
    const blocks = blocksOf(2);
    let closed: (() => void) | undefined;
    const cut = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const asked = new Promise<void>((resolve) => {
      hub.fault = (_request, response) => {
        response.on("close", () => closed?.());
        resolve();
        return true;
      };
    });
    const fetcher = fetcherOf({ blockBatchesAtOnce: 1 });
    const [one, two] = [new AbortController(), new AbortController()];
    const first = fetcher.get(blocks[0]!.cid, { signal: one.signal });
    const second = fetcher.get(blocks[1]!.cid, { signal: two.signal });
    await asked;
    one.abort(new Error("first left"));
    await expect(first).rejects.toThrow("first left");
    two.abort(new Error("second left"));
    await expect(second).rejects.toThrow("second left");
    await cut;
    expect(hub.requests).toHaveLength(1);
    await expect(fetcher.get(blocks[0]!.cid, { signal: one.signal })).rejects.toThrow("first left");
  });
});

describe("uploading", () => {
  test("only what the hub lacks is sent, and the same block once", async () => {
    const blocks = blocksOf(30);
    for (const { cid, bytes } of blocks.slice(0, 12)) hub.blocks.set(cid, bytes);
    let [stored, sent] = [0, 0];
    const upload = uploadOf({
      onStored: (bytes, sentBytes) => {
        stored += bytes;
        sent += sentBytes;
      },
    });
    for (const { cid, bytes } of [...blocks, ...blocks]) await upload.put(cid, bytes);
    await upload.end();
    expect([hub.received, sent, stored]).toEqual([1800, 1800, 6000]);
    expect(blocks.every(({ cid }) => hub.blocks.has(cid))).toBe(true);
  });

  test("blockBatchBytesTarget, blockBatchesAtOnce: so many go at once, and their giver waits", async () => {
    const upload = uploadOf();
    let waits = 0;
    for (const { cid, bytes } of blocksOf(200)) {
      const waiting = upload.put(cid, bytes);
      if (waiting !== undefined) {
        waits++;
        await waiting;
      }
    }
    await upload.end();
    // Two blocks a batch at first, ten where that went quickly: nothing takes any time here.
    expect(waits).toBeGreaterThanOrEqual(20);
    expect(waits).toBeLessThan(30);
    // The last one is sent by `end`, if anything is left for it.
    expect(hub.requests.length - waits).toBeOneOf([0, 1]);
    expect(hub.uploadsMax).toBeLessThanOrEqual(limits.blockBatchesAtOnce);
    expect(hub.uploadsMax).toBeGreaterThan(1);
  });

  test("on a slow way little is under way at once", async () => {
    let nowMs = 0;
    const stored: number[] = [];
    let given = 0;
    let ahead = 0;
    const upload = uploadOf({
      // Whoever asks how long something took is told: an hour.
      now: () => (nowMs += 3_600_000),
      onStored: (bytes) => stored.push(bytes),
    });
    for (const { cid, bytes } of blocksOf(40)) {
      await upload.put(cid, bytes);
      given += bytes.length;
      ahead = Math.max(ahead, given - stored.reduce((sum, each) => sum + each, 0));
    }
    await upload.end();
    // Two batches of two blocks and what has room below the bound, of the 4,000 bytes that limits allow.
    expect(ahead).toBeLessThanOrEqual(600);
    expect(Math.max(...stored)).toBeLessThanOrEqual(200);
  });

  test("after a cut only the rest is sent again", async () => {
    let cuts = 2;
    hub.fault = async (request, response) => {
      if (request.url !== "/blocks" || cuts-- <= 0) return false;
      let kept = 0;
      for await (const { cid, bytes } of unpackBlocks(request, 1e6)) {
        hub.blocks.set(cid, bytes);
        hub.received += bytes.length;
        if (++kept === 3) break;
      }
      response.destroy();
      return true;
    };
    const blocks = blocksOf(10);
    const upload = uploadOf({ limits: { ...limits, blockBatchBytesTarget: 8000 } });
    for (const { cid, bytes } of blocks) await upload.put(cid, bytes);
    await upload.end();
    expect(hub.blocks.size).toBe(10);
    expect(hub.received).toBe(1000);
    expect(hub.requests).toHaveLength(3);
  });

  test("a full disk is waited for; what cannot pass ends the upload with its error", async () => {
    const refuse = (code: "STORAGE" | "FORBIDDEN", times: number) => {
      let left = times;
      hub.fault = (request, response) => {
        if (left-- <= 0) return false;
        request.resume();
        response.statusCode = 507;
        response.end(JSON.stringify(new MusketeersError(code, "refused")));
        return true;
      };
    };
    refuse("STORAGE", limits.blobAttemptsMax + 3);
    const waits: (string | undefined)[] = [];
    const patient = uploadOf({ onWaiting: (why) => waits.push(why?.message) });
    const [block, other] = blocksOf(2);
    await patient.put(block!.cid, block!.bytes);
    await patient.end();
    // Once, however often it is refused.
    expect(waits).toEqual(["refused", undefined]);
    expect(hub.blocks.has(block!.cid)).toBe(true);
    refuse("FORBIDDEN", Number.POSITIVE_INFINITY);
    const refused = uploadOf();
    await refused.put(other!.cid, other!.bytes);
    await expect(refused.end()).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(() => refused.put(block!.cid, block!.bytes)).toThrow(
      expect.objectContaining({ code: "FORBIDDEN" }),
    );
  });

  test("is given up when it is told to", async () => {
    const stop = new AbortController();
    const asked = new Promise<void>((resolve) => {
      hub.fault = () => {
        resolve();
        return true;
      };
    });
    const upload = uploadOf({ signal: stop.signal });
    const [block] = blocksOf(1);
    await upload.put(block!.cid, block!.bytes);
    const ending = upload.end();
    await asked;
    stop.abort(new Error("enough"));
    await expect(ending).rejects.toThrow("enough");
  });
});
