import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import { type BatchBlock, BLOCK_HEADER_BYTES, blockHeader, isCid } from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { BlockBody } from "./block-body.ts";
import {
  announce,
  blobReaders,
  blobWriters,
  type HttpHost,
  requireRole,
  sendPieces,
  type Uploads,
  uploading,
} from "./http-host.ts";

/** Stores the blocks of a body, which all are there when it is answered. */
async function postBlocks(host: HttpHost, uploads: Uploads, context: Context): Promise<Response> {
  const token = requireRole(host, context, blobWriters);
  return uploading(host, uploads, { token, context }, async () => {
    // Node's own stream takes half the time of the one that is made of it.
    const body = new BlockBody((context.env as HttpBindings).incoming, host.limits.blockBytesMax);
    return context.json({ blocks: await host.blobs.putBatch(announced(host, token, body.blocks())) }, 201);
  });
}

async function* announced(
  host: HttpHost,
  token: string,
  blocks: AsyncIterable<BatchBlock>,
): AsyncGenerator<BatchBlock> {
  for await (const block of blocks) {
    await announce(host, token, block.cid);
    yield block;
  }
}

/** A list of CIDs, one a line. */
async function wantedIn(context: Context, blocksMax: number): Promise<readonly string[]> {
  const text = await context.req.text();
  const cids = text.split("\n").filter((line) => line !== "");
  if (cids.length > blocksMax || !cids.every(isCid)) {
    throw new MusketeersError("BAD_ARGUMENT", `Name up to ${blocksMax} CIDs (blocksPerBatchMax), one a line`);
  }
  return cids;
}

interface Held {
  readonly cid: string;
  readonly bytes: number;
}

/** Those of a list that are there and travel in batches, in its order; who asks sees which are not. */
async function heldOf({ blobs, limits }: HttpHost, cids: readonly string[]): Promise<Held[]> {
  const held: Held[] = [];
  for (const cid of cids) {
    const stat = await blobs.stat(cid);
    if (stat !== undefined && stat.bytes <= limits.blockBytesMax) held.push({ cid, bytes: stat.bytes });
  }
  return held;
}

/** Block by block, each behind its header. */
async function* packed({ blobs }: HttpHost, held: readonly Held[]): AsyncGenerator<Uint8Array[]> {
  for (const { cid, bytes } of held) {
    const pieces = [blockHeader(cid, bytes)];
    for await (const piece of blobs.read(cid)) pieces.push(piece);
    yield pieces;
  }
}

async function getBlocks(host: HttpHost, context: Context): Promise<Response> {
  requireRole(host, context, blobReaders);
  const held = await heldOf(host, await wantedIn(context, host.limits.blocksPerBatchMax));
  const bytes = held.reduce((sum, block) => sum + BLOCK_HEADER_BYTES + block.bytes, 0);
  const headers = { "Content-Type": "application/octet-stream", "Content-Length": String(bytes) };
  return sendPieces(context, headers, packed(host, held), host.onBlobSent);
}

/** Many blocks with one request: `POST /blocks` stores, `POST /blocks/get` fetches. */
export function addBlockRoutes(app: Hono, host: HttpHost, uploads: Uploads): void {
  app.post("/blocks", (context) => postBlocks(host, uploads, context));
  app.post("/blocks/get", (context) => getBlocks(host, context));
}
