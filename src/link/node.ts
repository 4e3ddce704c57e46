import { WebSocket } from "ws";
import { defaultLimits } from "../protocol/index.ts";
import type { OpenSocket } from "./socket.ts";

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
  socket.on("close", (code, reason) =>
    events.onClose(lastError || reason.toString() || `closed (${code})`, code),
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
