import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { isCid } from "../../data/index.ts";
import { movingBuffers } from "../../data/node.ts";
import { errorKinds, MusketeersError, toMusketeersError } from "../../protocol/index.ts";
import { addPackageRoutes } from "../package/routes.ts";
import { addPageRoutes } from "../pages/page-routes.ts";
import { addBlockRoutes } from "./block-routes.ts";
import { addHealthRoutes } from "./health-routes.ts";
import {
  announce,
  begun,
  blobReaders,
  blobWriters,
  type HttpHost,
  requireRole,
  type Uploads,
  uploading,
} from "./http-host.ts";

function respondError(context: Context, thrown: unknown): Response {
  const error = toMusketeersError(thrown);
  return context.json(error.toJSON(), errorKinds[error.code].http as ContentfulStatusCode);
}

function requireCid(cid: string): string {
  if (!isCid(cid)) {
    throw new MusketeersError("BAD_ARGUMENT", `Not a CID: ${String(cid).slice(0, 80)}`);
  }
  return cid;
}

/** `bytes=a-b`, `bytes=a-` or `bytes=-n` as `[start, end)`; undefined for anything else. */
export function parseByteRange(header: string, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header);
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const start = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? size : Math.min(size, Number(match[2]) + 1);
  return start < end && start < size ? { start, end } : undefined;
}

async function getBlob(host: HttpHost, context: Context): Promise<Response> {
  requireRole(host, context, blobReaders);
  const cid = requireCid(context.req.param("cid") ?? "");
  const stat = await host.blobs.stat(cid);
  // Reading says why there is none: it was never there, or it was put aside as damaged.
  if (stat === undefined) await host.blobs.read(cid)[Symbol.asyncIterator]().next();
  if (stat === undefined) throw new MusketeersError("NOT_FOUND", `The hub does not hold ${cid}`);
  const headers: Record<string, string> = {
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    ETag: `"${cid}"`,
  };
  const rangeHeader = context.req.header("range");
  const range = rangeHeader === undefined ? undefined : parseByteRange(rangeHeader, stat.bytes);
  if (rangeHeader !== undefined && range === undefined) {
    return context.body(null, 416, { "Content-Range": `bytes */${stat.bytes}` });
  }
  const { start, end } = range ?? { start: 0, end: stat.bytes };
  headers["Content-Length"] = String(end - start);
  if (range !== undefined) headers["Content-Range"] = `bytes ${start}-${end - 1}/${stat.bytes}`;
  const body =
    context.req.method === "HEAD" ? null : await begun(host.blobs.read(cid, { start, end }), host.onBlobSent);
  return new Response(body, { status: range === undefined ? 200 : 206, headers });
}

async function putBlob(host: HttpHost, uploads: Uploads, context: Context): Promise<Response> {
  const token = requireRole(host, context, blobWriters);
  return uploading(host, uploads, { token, context }, () => storeBlob(host, context, token));
}

async function storeBlob(host: HttpHost, context: Context, token: string): Promise<Response> {
  const expect = requireCid(context.req.param("cid") ?? "");
  await announce(host, token, expect);
  const body = context.req.raw.body as AsyncIterable<Uint8Array> | null;
  const bytesMax = host.limits.blobBytesMax;
  const stat = await host.blobs.put(body === null ? new Uint8Array(0) : movingBuffers(body), {
    expect,
    bytesMax,
  });
  return context.json(stat, 201);
}

/** What the hub serves over plain HTTP: blobs, its own package, the page. */
export function httpApp(host: HttpHost): Hono {
  const app = new Hono();
  const uploads: Uploads = new Map();
  app.onError((error, context) => respondError(context, error));
  addHealthRoutes(app, host);
  app.get("/credit", (context) => context.json(host.creditOf(requireRole(host, context, ["worker"]))));
  addPackageRoutes(app, host.tarball);
  app.on(["GET", "HEAD"], "/blobs/:cid", (context) => getBlob(host, context));
  app.put("/blobs/:cid", (context) => putBlob(host, uploads, context));
  addBlockRoutes(app, host, uploads);
  addPageRoutes(app, host.pages);
  app.notFound((context) => respondError(context, new MusketeersError("NOT_FOUND", "There is nothing here")));
  return app;
}
