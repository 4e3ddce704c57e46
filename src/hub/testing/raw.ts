import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { defaultLimits, FrameReceiver, type Goodbye, parseHubMessage } from "../../protocol/index.ts";
import type { Hub } from "../hub.ts";

/* Strangers at a hub's door, who need not keep to anything. */

const portOf = ({ url }: Hub): number => Number(new URL(url).port);

/** A TCP connection on which nothing was said. */
export async function rawConnection(hub: Hub): Promise<Socket> {
  const socket = connect(portOf(hub), "127.0.0.1");
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Sends bytes, and gives what came back when the hub has closed the connection. */
export async function rawExchange(hub: Hub, bytes: string | Uint8Array): Promise<string> {
  const socket = await rawConnection(hub);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

export interface RawLink {
  readonly socket: WebSocket;
  /** The goodbye, if there was one, when the connection is closed. */
  readonly goodbye: Promise<Goodbye | undefined>;
}

/** A WebSocket on which the hub has said its challenge, and nothing was answered. */
export async function rawLink(hub: Hub): Promise<RawLink> {
  const socket = new WebSocket(`ws://127.0.0.1:${portOf(hub)}/link`, { perMessageDeflate: false });
  onTestFinished(() => socket.terminate());
  const receiver = new FrameReceiver();
  let goodbye: Goodbye | undefined;
  let ready = (): void => {};
  const challenged = new Promise<void>((resolve) => {
    ready = resolve;
  });
  socket.on("message", (data) => {
    const message = parseHubMessage(receiver.decode(data as Buffer, defaultLimits).header);
    if (message.type === "challenge") ready();
    if (message.type === "goodbye") goodbye = message;
  });
  socket.on("error", () => {});
  const closed = new Promise<Goodbye | undefined>((resolve) => {
    socket.on("close", () => {
      ready();
      resolve(goodbye);
    });
  });
  await challenged;
  return { socket, goodbye: closed };
}

export interface RawUpload {
  write(bytes: Uint8Array): void;
  end(): void;
  /** Status and body; rejects where the connection is cut before. */
  readonly answer: Promise<{ readonly status: number; readonly body: unknown }>;
}

/** Begins to store a blob; its bytes come when the test says so. */
export function rawUpload(hub: Hub, path: string, token: string): RawUpload {
  const outgoing = request({
    host: "127.0.0.1",
    port: portOf(hub),
    path,
    method: "PUT",
    agent: false,
    headers: { authorization: `Bearer ${token}` },
  });
  onTestFinished(() => void outgoing.destroy());
  const answer = new Promise<{ status: number; body: unknown }>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("error", reject);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) });
      });
    });
  });
  answer.catch(() => {});
  outgoing.flushHeaders();
  return { write: (bytes) => void outgoing.write(bytes), end: () => void outgoing.end(), answer };
}
