import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isCid } from "../../data/index.ts";
import { errorKinds, type Limits, MusketeersError, toMusketeersError } from "../../protocol/index.ts";
import { checkBlobPass, randomBytes } from "../../security/index.ts";

export interface NeighbourServerOptions {
  /** Blobs that are kept or being fetched. */
  readonly peek: (cid: string, options: { readonly signal: AbortSignal }) => Promise<Uint8Array | undefined>;
  /** Whether an address is in one of the networks that this machine is on. */
  readonly includes: (address: string) => boolean;
  readonly limits: Limits;
  /** 0 picks one. */
  readonly port?: number;
  /** Monotonic, in milliseconds. */
  readonly nowMs?: () => number;
  /** Told of each blob that was served. */
  readonly onServed?: (bytes: number) => void;
}

const KEY_BYTES = 32;
/** Signs of life in the time after which whoever waits for a blob would give up. */
const SIGNS = 4;
/** It waits so many times `neighbourStallMs` for a blob that is being fetched. */
const STALLS_MAX = 4;

const plainAddress = (address = ""): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

/** Serves the blobs that a worker keeps to those of its networks who have a token of the hub's. */
export class NeighbourServer {
  /** What the hub makes tokens with. */
  readonly key: Uint8Array = randomBytes(KEY_BYTES);
  readonly #options: NeighbourServerOptions;
  readonly #server: Server;
  #underWay = 0;

  private constructor(options: NeighbourServerOptions) {
    const { limits } = options;
    this.#options = options;
    this.#server = createServer(
      {
        maxHeaderSize: limits.httpHeaderBytesMax,
        headersTimeout: limits.httpIdleMs,
        requestTimeout: limits.httpIdleMs,
        keepAliveTimeout: limits.httpIdleMs,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = 4 * limits.neighbourUploadsMax;
    this.#server.on("connection", (socket) => {
      if (!options.includes(plainAddress(socket.remoteAddress))) socket.destroy();
    });
    this.#server.on("clientError", (_error, socket) => socket.destroy());
    // Such as having no file descriptor left: those who ask go to the hub.
    this.#server.on("error", () => {});
  }

  /**
   * Listens on every interface; whoever is in none of the machine's networks is hung up on.
   * @throws MusketeersError `ADDRESS_IN_USE`, `BAD_ARGUMENT`
   */
  static open(options: NeighbourServerOptions): Promise<NeighbourServer> {
    const opened = new NeighbourServer(options);
    const server = opened.#server;
    const { port = 0 } = options;
    return new Promise((resolve, reject) => {
      server.once("error", (cause: NodeJS.ErrnoException) => {
        const taken = cause.code === "EADDRINUSE";
        const message = taken ? `Another program listens on port ${port}` : `Cannot serve: ${cause.message}`;
        reject(new MusketeersError(taken ? "ADDRESS_IN_USE" : "BAD_ARGUMENT", message, { cause }));
      });
      server.listen(port, () => resolve(opened));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** The clock that tokens end by. */
  nowMs(): number {
    return this.#options.nowMs?.() ?? performance.now();
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort(new Error("hung up")));
    response.on("error", () => {});
    request.resume();
    this.#underWay++;
    try {
      const bytes = await this.#blobFor(request, response, gone.signal);
      // Whoever takes nothing any more is not waited for.
      response.setTimeout(this.#options.limits.neighbourStallMs, () => response.destroy());
      response.writeHead(200, {
        "Content-Type": "application/octet-stream",
        "Content-Length": String(bytes.length),
      });
      response.end(request.method === "HEAD" ? undefined : bytes);
      this.#options.onServed?.(bytes.length);
    } catch (thrown) {
      const error = toMusketeersError(thrown);
      response.writeHead(errorKinds[error.code].http, { "Content-Type": "application/json" });
      response.end(JSON.stringify(error.toJSON()));
    } finally {
      this.#underWay--;
    }
  }

  async #blobFor(request: IncomingMessage, response: ServerResponse, gone: AbortSignal): Promise<Uint8Array> {
    const { limits, peek } = this.#options;
    const [, cid] = /^\/blobs\/(\w+)$/.exec(request.url ?? "") ?? [];
    if (request.method !== "GET" || cid === undefined || !isCid(cid)) {
      throw new MusketeersError("NOT_FOUND", "There is nothing here but blobs");
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const address = plainAddress(request.socket.remoteAddress);
    if (!checkBlobPass(token, { cid, address, nowMs: this.nowMs() }, this.key)) {
      throw new MusketeersError("UNAUTHORIZED", "This token does not allow to fetch this blob");
    }
    if (this.#underWay > limits.neighbourUploadsMax) {
      const message = `This worker serves ${limits.neighbourUploadsMax} blobs already (neighbourUploadsMax)`;
      throw new MusketeersError("TOO_MANY", message);
    }
    const patience = AbortSignal.timeout(STALLS_MAX * limits.neighbourStallMs);
    // Whoever waits is to know that it is waited for something alive.
    const sign = setInterval(() => response.writeProcessing(), Math.ceil(limits.neighbourStallMs / SIGNS));
    const bytes = await peek(cid, { signal: AbortSignal.any([gone, patience]) })
      .catch(() => undefined)
      .finally(() => clearInterval(sign));
    if (bytes === undefined) throw new MusketeersError("NOT_FOUND", `This worker does not keep ${cid}`);
    return bytes;
  }
}
