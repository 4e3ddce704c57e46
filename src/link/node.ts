import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { defaultLimits } from "../protocol/index.ts";
import type { OpenSocket } from "./socket.ts";

const REFUSAL_BYTES_MAX = 4_096;

/** What a hub says that takes no further connection; else the status. */
async function refusalIn(response: IncomingMessage): Promise<string> {
  const status = `Unexpected server response: ${response.statusCode}`;
  try {
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) {
      text += chunk;
      if (text.length > REFUSAL_BYTES_MAX) return status;
    }
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === "string" ? message : status;
  } catch {
    return status;
  }
}

/** Node's sockets, by the library `ws`. */
export const openNodeSocket: OpenSocket = (url, events) => {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: defaultLimits.frameBytesMax,
    handshakeTimeout: defaultLimits.handshakeTimeoutMs,
  });
  let lastError = "";
  socket.on("open", () => events.onOpen());
  socket.on("message", (data, isBinary) => {
    if (isBinary && Buffer.isBuffer(data)) events.onFrame(data);
    else socket.close(1003);
  });
  socket.on("ping", () => events.onAlive());
  socket.on("error", (error) => {
    lastError = error.message;
  });
  let refusal = "";
  socket.on("unexpected-response", (_request, response) => {
    void refusalIn(response).then((text) => {
      refusal = text;
      socket.terminate();
    });
  });
  socket.on("close", (code, reason) =>
    events.onClose(refusal || lastError || reason.toString() || `closed (${code})`, code),
  );
  return {
    send: (frame) => socket.send(frame),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close: () => socket.close(1000),
    terminate: () => socket.terminate(),
  };
};
