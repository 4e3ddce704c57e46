import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { defaultLimits } from "../protocol/index.ts";
import type { Invite } from "../security/index.ts";
import { type HubFetch, hubFetch } from "./hub-fetch.ts";
import { hasPinnedKey, WRONG_PIN } from "./pin.ts";
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
export const openNodeSocket: OpenSocket = (url, events, tlsPin) => {
  const socket = new WebSocket(url, {
    // The pin is what is checked instead.
    ...(tlsPin === undefined ? {} : { rejectUnauthorized: false }),
    perMessageDeflate: false,
    maxPayload: defaultLimits.frameBytesMax,
    handshakeTimeout: defaultLimits.handshakeTimeoutMs,
  });
  let lastError = "";
  let isStranger = false;
  const refuseStrangers = (response: IncomingMessage): boolean => {
    isStranger = tlsPin !== undefined && !hasPinnedKey(response.socket, tlsPin);
    if (isStranger) socket.terminate();
    return isStranger;
  };
  socket.on("upgrade", refuseStrangers);
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
    if (refuseStrangers(response)) return;
    void refusalIn(response).then((text) => {
      refusal = text;
      socket.terminate();
    });
  });
  socket.on("close", (code, reason) => {
    const said = refusal || lastError || reason.toString() || `closed (${code})`;
    if (isStranger) events.onClose(WRONG_PIN, code, true);
    else events.onClose(said, code);
  });
  return {
    send: (frame) => socket.send(frame),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close: () => socket.close(1000),
    terminate: () => socket.terminate(),
  };
};

/** How to speak HTTP with the hub of an invite, which may pin its key. */
export const fetchWith = ({ tlsPin }: Pick<Invite, "tlsPin">): HubFetch => hubFetch(tlsPin ?? undefined);
