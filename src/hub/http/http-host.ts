import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";
import { buffersMoved } from "../../data/node.ts";
import type { Blobs } from "../../engine/index.ts";
import { type CreditSummary, type Limits, MusketeersError, type Role } from "../../protocol/index.ts";
import type { UploadDoor } from "../doors/index.ts";
import type { PackageTarball } from "../package/tarball.ts";
import type { PageHost } from "../pages/page-routes.ts";
import type { Metrics } from "../views/metrics.ts";
import { bearerOf } from "./bearer.ts";

/** What the HTTP routes need of their hub. */
export interface HttpHost {
  readonly limits: Limits;
  readonly blobs: Blobs;
  readonly tarball: PackageTarball;
  /** Told of each piece of a blob that leaves. */
  onBlobSent(bytes: number): void;
  readonly uploadDoor: Pick<UploadDoor, "check" | "took">;
  /** Who wants to know of each new blob that a connection is about to store, if somebody does. */
  blobListenerOf(token: string): ((cid: string) => void) | undefined;
  /** The key of a connection whose uploads are counted, by its bearer token. */
  uploadKeyOf(token: string): string | undefined;
  /** What the person behind a live worker's connection has been credited with, by its bearer token. */
  creditOf(token: string): Pick<CreditSummary, "seconds" | "inputs"> | undefined;
  /** The role of a live connection, by its bearer token. */
  roleOf(token: string): Role | undefined;
  /** Whether a text is the secret part of an invite that is good and lets its holder look. */
  mayLook(secret: string): boolean;
  readonly metrics: Pick<Metrics, "contentType" | "text">;
  readonly pages: PageHost;
  /** Why the hub cannot take work now; undefined: it can. */
  unready(): string | undefined;
}

export const blobWriters: readonly Role[] = ["admin", "submitter", "worker"];
export const blobReaders: readonly Role[] = ["admin", "submitter", "worker"];

/** Says which connection's token came with a request. */
export function requireRole(host: HttpHost, context: Context, allowed: readonly Role[]): string {
  const token = bearerOf(context);
  const role = token === undefined ? undefined : host.roleOf(token);
  if (token === undefined || role === undefined)
    throw new MusketeersError("UNAUTHORIZED", "No live connection has this token");
  if (!allowed.includes(role)) throw new MusketeersError("FORBIDDEN", `A ${role} may not do this`);
  return token;
}

/** Says so where a blob that comes is a new one. */
export async function announce(
  { blobs, blobListenerOf }: HttpHost,
  token: string,
  cid: string,
): Promise<void> {
  const listener = blobListenerOf(token);
  if (listener !== undefined && (await blobs.stat(cid)) === undefined) listener(cid);
}

/** A body whose first piece is there, so that what cannot be read is answered with its error. */
export async function begun(
  chunks: AsyncIterable<Uint8Array>,
  onSent: (bytes: number) => void,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const iterator = chunks[Symbol.asyncIterator]();
  let first: IteratorResult<Uint8Array> | undefined = await iterator.next();
  return new ReadableStream({
    async pull(controller) {
      const next = first ?? (await iterator.next());
      first = undefined;
      if (next.done === true) {
        controller.close();
        return;
      }
      onSent(next.value.length);
      buffersMoved(next.value.length);
      controller.enqueue(next.value as Uint8Array<ArrayBuffer>);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

/** Resolves when more can be written, or nothing can any more. */
const drained = (outgoing: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const settle = () => {
      outgoing.off("drain", settle).off("close", settle);
      resolve();
    };
    outgoing.on("drain", settle).on("close", settle);
  });

/**
 * Answers with a body piece by piece, those together that come together, through Node's own stream: one of the web's
 * takes several times as long. What cannot be read at all is answered with its error; where it breaks off later, so
 * does the connection.
 */
export async function sendPieces(
  context: Context,
  headers: Readonly<Record<string, string>>,
  groups: AsyncIterable<readonly Uint8Array[]>,
  onSent: (bytes: number) => void,
): Promise<Response> {
  const { outgoing } = context.env as HttpBindings;
  const iterator = groups[Symbol.asyncIterator]();
  let next = await iterator.next();
  try {
    outgoing.writeHead(200, headers as Record<string, string>);
    for (; next.done !== true && !outgoing.destroyed; next = await iterator.next()) {
      let hasRoom = true;
      outgoing.cork();
      for (const piece of next.value) {
        onSent(piece.length);
        buffersMoved(piece.length);
        if (piece.length > 0) hasRoom = outgoing.write(piece);
      }
      outgoing.uncork();
      if (!hasRoom && outgoing.writableNeedDrain && !outgoing.destroyed) await drained(outgoing);
    }
    outgoing.end();
  } catch {
    outgoing.destroy();
  } finally {
    await iterator.return?.();
  }
  return RESPONSE_ALREADY_SENT;
}

/** How many blobs each connection is storing, by its token. */
export type Uploads = Map<string, number>;

/** Of each socket, what was counted of it. */
const counted = new WeakMap<Socket, number>();

/** What came on a socket since it was counted last: this request, which may have come with its header. */
function newBytesOf(socket: Socket): number {
  const bytes = socket.bytesRead - (counted.get(socket) ?? 0);
  counted.set(socket, socket.bytesRead);
  return bytes;
}

/** @throws MusketeersError `TOO_MANY` */
export async function uploading(
  host: HttpHost,
  uploads: Uploads,
  { token, context }: { readonly token: string; readonly context: Context },
  upload: () => Promise<Response>,
): Promise<Response> {
  const key = host.uploadKeyOf(token);
  if (key !== undefined) host.uploadDoor.check(key);
  const underWay = uploads.get(token) ?? 0;
  const { uploadsPerPeerMax } = host.limits;
  if (underWay >= uploadsPerPeerMax) {
    const message = `This peer stores ${uploadsPerPeerMax} blobs already (uploadsPerPeerMax)`;
    throw new MusketeersError("TOO_MANY", message);
  }
  uploads.set(token, underWay + 1);
  try {
    return await upload();
  } finally {
    const { socket } = (context.env as HttpBindings).incoming;
    if (key !== undefined) host.uploadDoor.took(key, newBytesOf(socket));
    const rest = uploads.get(token)! - 1;
    if (rest > 0) uploads.set(token, rest);
    else uploads.delete(token);
  }
}
