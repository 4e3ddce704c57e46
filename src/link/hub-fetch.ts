import { Agent, type ClientRequest, type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { PinnedAgent } from "./pin.ts";

/** Of a request as `fetch` takes it what hubs are asked with. */
export interface HubRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly body?: Uint8Array;
  /** A body in parts, which are sent as they are; instead of `body`. */
  readonly parts?: readonly Uint8Array[];
}

/** Of an answer as `fetch` gives it what is read of a hub's. */
export interface HubAnswer {
  readonly ok: boolean;
  readonly status: number;
  readonly body: { cancel(): Promise<void> } & AsyncIterable<Uint8Array>;
  json(): Promise<unknown>;
  each(take: (part: Uint8Array) => void): Promise<void>;
}

export interface HubFetch {
  (url: string, request: HubRequest): Promise<HubAnswer>;
  readonly takesParts: true;
}

/** What is left of an answer is read where it is short, so that its connection can be used again. */
const REST_BYTES_MAX = 65_536;

class Answer implements HubAnswer {
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  get status(): number {
    return this.#message.statusCode!;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get body(): HubAnswer["body"] {
    const message = this.#message;
    return {
      [Symbol.asyncIterator]: () => message[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>,
      cancel: async () => {
        const rest = Number(message.headers["content-length"] ?? Number.POSITIVE_INFINITY);
        // What it breaks with is nobody's concern any more.
        message.on("error", () => {});
        if (rest <= REST_BYTES_MAX) message.resume();
        else message.destroy();
      },
    };
  }

  /** Gives what comes to a function, part by part; what that throws ends it. */
  each(take: (part: Uint8Array) => void): Promise<void> {
    const message = this.#message;
    return new Promise((resolve, reject) => {
      message.on("error", reject);
      message.on("end", resolve);
      message.on("close", () => reject(new Error("the answer was cut off")));
      message.on("data", (part: Uint8Array) => {
        try {
          take(part);
        } catch (error) {
          reject(error);
          message.destroy();
        }
      });
    });
  }

  async json(): Promise<unknown> {
    let text = "";
    for await (const part of this.#message.setEncoding("utf8")) text += part;
    return JSON.parse(text);
  }
}

/** Several addresses that were tried in vain say why one by one. */
const reasonOf = (error: Error): Error => {
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  return error.message === "" && first !== undefined ? first : error;
};

/** A hub closes a connection on which nothing happens; that may cross the next request. */
const wasIdle = (request: ClientRequest, { code }: NodeJS.ErrnoException): boolean =>
  request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE");

const plainAgent = new Agent({ keepAlive: true });

/**
 * As much of `fetch` as is asked of hubs, by Node's own HTTP: what goes through takes a third of the work.
 * @param pin the key that a hub has to prove before it is told anything; undefined: one that is vouched for
 */
export function hubFetch(pin?: Uint8Array): HubFetch {
  const tlsAgent = pin === undefined ? undefined : new PinnedAgent(pin);
  const ask = (url: string, { method, headers, signal, body, parts }: HubRequest): Promise<HubAnswer> => {
    const pieces = parts ?? (body === undefined ? [] : [body]);
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const isTls = url.startsWith("https:");
    const options = {
      method,
      signal,
      headers: { ...headers, ...(method === "GET" || method === "HEAD" ? {} : { "content-length": bytes }) },
      ...(isTls ? (tlsAgent === undefined ? {} : { agent: tlsAgent }) : { agent: plainAgent }),
    };
    return new Promise((resolve, reject) => {
      const request = isTls ? tlsRequest(url, options) : plainRequest(url, options);
      request.on("response", (message) => resolve(new Answer(message)));
      request.on("error", (error) => {
        if (signal.aborted || !wasIdle(request, error)) reject(reasonOf(error));
        else
          ask(url, { method, headers, signal, ...(pieces.length === 0 ? {} : { parts: pieces }) }).then(
            resolve,
            reject,
          );
      });
      request.cork();
      for (const piece of pieces) if (piece.length > 0) request.write(piece);
      request.end();
      request.uncork();
    });
  };
  return Object.assign(ask, { takesParts: true } as const);
}
