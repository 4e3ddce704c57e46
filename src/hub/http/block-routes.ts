import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import { type BatchBlock, blockHeader, isCid, unpackBlocks } from "../../data/index.ts";
import { buffersMoved } from "../../data/node.ts";
import { leanForNow } from "../../heap/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
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
    const body = (context.env as HttpBindings).incoming;
    const blocks = unpackBlocks(body, host.limits.blockBytesMax, { reuse: true });
    const onBlock = (cid: string) => announce(host, token, cid);
    return context.json({ blocks: await host.blobs.putBatch(moving(blocks, onBlock)) }, 201);
  });
}

/** The same blocks, each of which is stored or copied when the next is asked for. */
async function* moving(
  blocks: AsyncIterable<BatchBlock>,
  onBlock: (cid: string) => Promise<void>,
): AsyncGenerator<BatchBlock> {
  for await (const block of blocks) {
    await onBlock(block.cid);
    yield block;
    buffersMoved(block.bytes.length);
    leanForNow();
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

/** The blocks of a list that are there, in its order; who asks sees which are not. */
async function* packed(host: HttpHost, cids: readonly string[]): AsyncGenerator<Uint8Array> {
  const { blobs, limits } = host;
  for (const cid of cids) {
    const stat = await blobs.stat(cid);
    if (stat === undefined || stat.bytes > limits.blockBytesMax) continue;
    yield blockHeader(cid, stat.bytes);
    yield* blobs.read(cid);
  }
}

async function getBlocks(host: HttpHost, context: Context): Promise<Response> {
  requireRole(host, context, blobReaders);
  const cids = await wantedIn(context, host.limits.blocksPerBatchMax);
  const headers = { "Content-Type": "application/octet-stream" };
  return sendPieces(context, headers, packed(host, cids), host.onBlobSent);
}

/** Many blocks with one request: `POST /blocks` stores, `POST /blocks/get` fetches. */
export function addBlockRoutes(app: Hono, host: HttpHost, uploads: Uploads): void {
  app.post("/blocks", (context) => postBlocks(host, uploads, context));
  app.post("/blocks/get", (context) => getBlocks(host, context));
}
