import { Agent, type IncomingMessage, request } from "node:http";
import { isNamedBy } from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";

export interface FetchBlobOptions {
  /** Nothing came for so long: it is given up. */
  readonly stallMs: number;
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

/** Where a blob is, and the right to it. */
export interface BlobAddress {
  readonly address: string;
  readonly port: number;
  readonly token: string;
}

/** No error is longer in words. */
const ERROR_BYTES_MAX = 4096;

/**
 * Fetches a blob over HTTP/1.1 on kept connections. Blocks are small and many, and `fetch` costs more than
 * the block.
 * @throws MusketeersError `BLOB_MISMATCH` for other bytes, `LIMIT_EXCEEDED` for too many, `NOT_FOUND`,
 * `UNAUTHORIZED` or `TOO_MANY` as the neighbour says, `HUB_UNREACHABLE` for no answer; or the signal's reason.
 */
export class BlobFetcher {
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 64, scheduling: "lifo" });

  close(): void {
    this.#agent.destroy();
  }

  async fetch(from: BlobAddress, cid: string, options: FetchBlobOptions): Promise<Uint8Array> {
    for (;;) {
      const bytes = await this.#tryOnce(from, cid, options);
      if (bytes !== undefined) return bytes;
    }
  }

  /** Undefined: the kept connection that it was asked on had just been closed. */
  #tryOnce(from: BlobAddress, cid: string, options: FetchBlobOptions): Promise<Uint8Array | undefined> {
    const { stallMs, signal } = options;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const outgoing = request({
        agent: this.#agent,
        host: from.address,
        port: from.port,
        path: `/blobs/${cid}`,
        headers: { authorization: `Bearer ${from.token}` },
        timeout: stallMs,
      });
      const settle = (action: () => void) => {
        signal?.removeEventListener("abort", abort);
        action();
      };
      const fail = (error: unknown) => settle(() => reject(error));
      const abort = () => {
        fail(signal?.reason);
        outgoing.destroy();
      };
      signal?.addEventListener("abort", abort, { once: true });
      outgoing.on("timeout", () => outgoing.destroy(new Error(`nothing came for ${stallMs} ms`)));
      outgoing.on("error", (cause: NodeJS.ErrnoException) => {
        if (outgoing.reusedSocket && cause.code === "ECONNRESET") settle(() => resolve(undefined));
        else fail(unreachable(from, cause));
      });
      outgoing.on("response", (response) => {
        receive(from, cid, response, options).then(
          (bytes) => settle(() => resolve(bytes)),
          (error: unknown) => {
            outgoing.destroy();
            fail(error);
          },
        );
      });
      outgoing.end();
    });
  }
}

const unreachable = ({ address, port }: BlobAddress, cause: unknown): MusketeersError =>
  new MusketeersError("HUB_UNREACHABLE", `${address}:${port} does not answer: ${(cause as Error).message}`, {
    cause,
  });

async function receive(
  from: BlobAddress,
  cid: string,
  response: IncomingMessage,
  { bytesMax }: FetchBlobOptions,
): Promise<Uint8Array> {
  const succeeded = response.statusCode === 200;
  const bytes = await collect(from, response, succeeded ? bytesMax : ERROR_BYTES_MAX);
  if (!succeeded) throw refusal(bytes);
  if (!isNamedBy(bytes, cid)) {
    throw new MusketeersError("BLOB_MISMATCH", `What came as the blob ${cid} has other bytes`);
  }
  return bytes;
}

async function collect(from: BlobAddress, response: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > bytesMax) break;
      parts.push(part);
    }
  } catch (cause) {
    throw unreachable(from, cause);
  }
  if (length > bytesMax) {
    throw new MusketeersError("LIMIT_EXCEEDED", `${from.address} sends more than ${bytesMax} bytes`);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function refusal(body: Uint8Array): MusketeersError {
  try {
    return MusketeersError.from(JSON.parse(new TextDecoder().decode(body)));
  } catch {
    return new MusketeersError("HUB_UNREACHABLE", "A neighbour answered with what is no blob");
  }
}
