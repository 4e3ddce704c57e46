import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { errorKinds, type Limits, MusketeersError } from "../../protocol/index.ts";
import type { TlsMaterial } from "./tls.ts";

type ServerLimits = Pick<
  Limits,
  "connectionsMax" | "handshakeTimeoutMs" | "httpIdleMs" | "httpHeaderBytesMax"
>;

/** How Node's parser names what it refused, and the status for it where the code's own does not fit. */
function refusalOf(cause: NodeJS.ErrnoException): { error: MusketeersError; status?: number } {
  if (cause.code === "HPE_HEADER_OVERFLOW") {
    const message = "A header of an HTTP request is over httpHeaderBytesMax";
    return { error: new MusketeersError("LIMIT_EXCEEDED", message, { cause }), status: 431 };
  }
  if (cause.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const message = "The header of an HTTP request did not come in time";
    return { error: new MusketeersError("PROTOCOL", message, { cause }), status: 408 };
  }
  return { error: new MusketeersError("PROTOCOL", `No HTTP: ${cause.message}`, { cause }) };
}

/** Answers what has not been read as a request, and closes it. */
export function refuse(socket: Duplex, error: MusketeersError, status = errorKinds[error.code].http): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(error);
  socket.end(
    `HTTP/1.1 ${status} ${error.code}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

/**
 * A server that no stranger can fill up: it bounds how many sockets there are, how large a request's
 * header is, and how long nothing may move. How long a request takes as a whole is not bounded: a large
 * blob over a slow line needs its time.
 */
export function createHttpServer(limits: ServerLimits, tls?: TlsMaterial): Server {
  const { connectionsMax, handshakeTimeoutMs, httpIdleMs, httpHeaderBytesMax } = limits;
  const options = {
    maxHeaderSize: httpHeaderBytesMax,
    headersTimeout: handshakeTimeoutMs,
    requestTimeout: 0,
    // How often Node looks for headers that are overdue.
    connectionsCheckingInterval: Math.max(10, Math.ceil(handshakeTimeoutMs / 4)),
  };
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({ ...options, ...tls, handshakeTimeout: handshakeTimeoutMs });
  server.maxConnections = connectionsMax;
  server.timeout = httpIdleMs;
  server.on("clientError", (cause: NodeJS.ErrnoException, socket) => {
    if (cause.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const { error, status } = refusalOf(cause);
    refuse(socket, error, status);
  });
  return server;
}
