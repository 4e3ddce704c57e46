import type { LoadedTask } from "../../src/client/index.ts";
import { cidOf } from "../../src/data/index.ts";
import { Link } from "../../src/link/index.ts";
import { openNodeSocket } from "../../src/link/node.ts";
import {
  decodeValue,
  eachRecord,
  encodeFailure,
  encodeValue,
  type FailureMark,
  fingerprint,
  type LeaseMessage,
  packRecords,
  progressHeader,
  type WorkerDescription,
} from "../../src/protocol/index.ts";
import { parseInvite } from "../../src/security/index.ts";

/* Machines that nobody has: real connections that answer at once, or as slowly as is wished. */

const code = new TextEncoder().encode("nobody runs this");

/** A task that only pretended machines know. */
export const pretendedTask = (title: string): LoadedTask => ({
  entry: "export:pretended",
  title,
  options: { retries: 0 },
  bundle: { cid: cidOf(code), code },
});

export interface Pretended {
  readonly name: string;
  readonly slots?: number;
  readonly description?: Partial<WorkerDescription>;
  /** What an input takes; nothing where nothing is said. */
  readonly inputMs?: number;
  /** Inputs whose number this divides fail. */
  readonly failEvery?: number;
  /** What its tasks print, once a unit. */
  readonly prints?: string;
  /** What it answers. */
  readonly value?: (input: number) => unknown;
}

const frames = (at: number) =>
  `RangeError: no tile at ${at}\n    at render (tasks.ts:41:11)\n    at tasks.ts:12:3`;

/** A failure that looks like one of a task's. */
function failureOf(at: number): { record: Uint8Array; mark: Omit<FailureMark, "at"> } {
  const failure = {
    kind: "error",
    name: "RangeError",
    message: `no tile at ${at}`,
    stack: frames(at),
  } as const;
  return { record: encodeFailure(failure), mark: { kind: "error", fingerprint: fingerprint(failure) } };
}

/** A worker that answers every input with a value of its own. */
export class PretendedWorker {
  readonly #link: Link;
  readonly #machine: Pretended;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  /** When each slot is free. */
  readonly #free: number[];

  constructor(invite: string, machine: Pretended) {
    const { name, slots = 1, description } = machine;
    this.#machine = machine;
    this.#free = Array.from({ length: slots }, () => 0);
    const worker: WorkerDescription = {
      name,
      version: "0.1.0",
      platform: "linux",
      arch: "x64",
      cores: slots,
      memoryBytes: 8 * 2 ** 30,
      slots,
      sandbox: "deno",
      engineClass: "v8-13",
      allowNet: [],
      labels: [],
      capabilities: [],
      speed: 1_000,
      ...description,
    };
    this.#link = new Link(
      { invite: parseInvite(invite), openSocket: openNodeSocket, worker: () => worker },
      {
        onWelcome: () => this.#beat(slots),
        onMessage: (message, body) => {
          if (message.type === "lease") this.#run(message, body);
          if (message.type === "drain") this.stop();
        },
      },
    );
  }

  async start(): Promise<this> {
    await this.#link.start();
    return this;
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#link.send({ type: "leave" });
    this.#link.close();
  }

  #beat(slots: number): void {
    const memoryBytes = 200 * 2 ** 20 * slots;
    this.#link.send({ type: "heartbeat", memoryBytes, load: 0.8, slots });
    this.#later(1_000, () => this.#beat(slots));
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #run({ lease, count }: LeaseMessage, body: Uint8Array): void {
    const { inputMs = 0 } = this.#machine;
    const slot = this.#free.indexOf(Math.min(...this.#free));
    const begins = Math.max(Date.now(), this.#free[slot]!);
    const elapsedMs = count * inputMs;
    this.#free[slot] = begins + elapsedMs;
    const answer = this.#answer(body);
    const { prints } = this.#machine;
    if (prints !== undefined) {
      const lines = packRecords([new TextEncoder().encode(prints)]);
      this.#link.send({ type: "log", lease, dropped: 0 }, lines);
    }
    this.#later(begins + elapsedMs - Date.now(), () => {
      const header = { type: "progress", lease, from: 0, count, ...answer, elapsedMs, done: true } as const;
      const { records, ...rest } = header;
      this.#link.send(progressHeader(rest), records);
    });
  }

  #answer(body: Uint8Array): { records: Uint8Array; failures: FailureMark[] } {
    const { failEvery = Number.POSITIVE_INFINITY, name } = this.#machine;
    const { value = (input: number): unknown => ({ tile: input, shade: (input * 37) % 256, by: name }) } =
      this.#machine;
    const failures: FailureMark[] = [];
    const records: Uint8Array[] = [];
    for (const record of eachRecord(body)) {
      const input = Number(decodeValue(record));
      if (input % failEvery === failEvery - 1) {
        const { record: failed, mark } = failureOf(input);
        failures.push({ at: records.length, ...mark });
        records.push(failed);
      } else records.push(encodeValue(value(input)));
    }
    return { records: packRecords(records), failures };
  }
}
