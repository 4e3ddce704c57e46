import { Link } from "../../src/link/index.ts";
import { openNodeSocket } from "../../src/link/node.ts";
import type {
  CallMethod,
  Calls,
  EndedMessage,
  HubToClient,
  JobOptions,
  JobSpec,
  Limits,
} from "../../src/protocol/index.ts";
import { newId, parseInvite } from "../../src/security/index.ts";
import { plainOptions } from "../support/plain-options.ts";
import { pack } from "./answers.ts";
import type { Auditor } from "./auditor.ts";

const INPUTS_A_BLOCK = 1_000;
const TIMEOUT_MS = 60_000;
const MEMORY_BYTES = 2 ** 20;

/** Told of each message; gives true when it has heard what it waits for. */
type Listener = (message: HubToClient, body: Uint8Array) => boolean;

/** A client that speaks the protocol itself, so that nothing but the hub judges what comes back. */
export class Submitter {
  readonly #link: Link;
  readonly #listeners = new Set<Listener>();
  #calls = 0;

  private constructor(invite: string, limits: Limits) {
    this.#link = new Link(
      { invite: parseInvite(invite), openSocket: openNodeSocket, limits },
      {
        onWelcome: () => {},
        onMessage: (message, body) => {
          for (const listener of this.#listeners) {
            if (listener(message as HubToClient, body)) this.#listeners.delete(listener);
          }
        },
      },
    );
  }

  static async at(invite: string, limits: Limits): Promise<Submitter> {
    const submitter = new Submitter(invite, limits);
    await submitter.#link.start();
    return submitter;
  }

  close(): void {
    this.#link.close();
  }

  /** Submits the numbers below `count` as one job; resolves when it has ended. */
  async run(count: number, options: Partial<JobOptions>, auditor: Auditor): Promise<EndedMessage> {
    const spec = specOf(options);
    const { job } = spec;
    const ended = this.#until((message, body) => {
      if (message.type === "results" && message.job === job) {
        auditor.take(message, body);
        this.#send({ type: "credit", job, bytes: body.length });
      }
      if (message.type === "joberror") throw new Error(`${message.code}: ${message.message}`);
      return message.type === "ended" && message.job === job;
    });
    this.#send({ type: "submit", spec, count: 0, sealed: false });
    const watch = { results: true, order: "completion", cursor: 0, creditBytes: 2 ** 30, logs: false };
    this.#send({ type: "watch", job, ...watch });
    for (let from = 0; from < count; from += INPUTS_A_BLOCK) {
      const inputs = Array.from({ length: Math.min(INPUTS_A_BLOCK, count - from) }, (_, at) => from + at);
      const sealed = from + inputs.length === count;
      this.#send({ type: "inputs", job, from, count: inputs.length, sealed }, pack(inputs));
    }
    return (await ended) as EndedMessage;
  }

  async call<M extends CallMethod>(method: M, params: Calls[M]["params"]): Promise<Calls[M]["value"]> {
    const id = ++this.#calls;
    const replied = this.#until((message) => message.type === "reply" && message.id === id);
    this.#send({ type: "call", id, method, params });
    const reply = await replied;
    if (reply.type !== "reply") throw new Error("no reply");
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.code}: ${reply.error.message}`);
    return reply.value as Calls[M]["value"];
  }

  #send(header: object, body?: Uint8Array): void {
    if (!this.#link.send(header, body)) throw new Error("The submitter's connection is down");
  }

  #until(isIt: Listener): Promise<HubToClient> {
    return new Promise((resolve, reject) => {
      this.#link.closed.then(() => reject(new Error("closed")), reject);
      this.#listeners.add((message, body) => {
        try {
          if (!isIt(message, body)) return false;
          resolve(message);
        } catch (error) {
          reject(error);
        }
        return true;
      });
    });
  }
}

const specOf = (options: Partial<JobOptions>): JobSpec => ({
  job: newId(),
  title: "answer",
  task: {
    bundle: "bundle",
    entry: "export:answer",
    title: "answer",
    timeoutMs: TIMEOUT_MS,
    memoryBytes: MEMORY_BYTES,
    net: [],
  },
  options: { ...plainOptions, ...options },
});
