import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  decodeFailure,
  decodeValue,
  defaultLimits,
  eachRecord,
  encodeValue,
  packRecords,
} from "../../src/protocol/index.ts";
import { createDenoExecutor, type Executor } from "../../src/worker/executors/index.ts";
import { type Attempt, attempts } from "./attempts.ts";

export interface EscapeReport {
  readonly sandbox: string;
  readonly tried: number;
  readonly escaped: number;
  /** What each attempt came to. */
  readonly outcomes: readonly Outcome[];
}

export interface Outcome {
  readonly attempt: string;
  readonly escaped: boolean;
  /** What the task, or its sandbox, ended with. */
  readonly told: string;
}

/** A line of /etc/passwd, wherever it shows. */
const SECRET = "root:x:0:0";
/** A server on loopback says this to whoever reaches it. */
const INSIDE = "inside";
const TIMEOUT_MS = 4_000;
/** Attempts at a time; some take their whole time. */
const LANES = 4;
/** Room for one honest task; who wants more is ended. */
const MEMORY_BYTES = 256 * 1024 * 1024;

const limits = { ...defaultLimits, sandboxLoadTimeoutMs: 20_000 };

/** Runs one attempt in a sandbox of its own, and gives what came of it. */
function run(
  executor: Executor,
  { code, net = [] }: Attempt,
  port: number,
): Promise<{ value?: unknown; told: string }> {
  return new Promise((resolve) => {
    const task = {
      bundle: "escape",
      entry: "export:main",
      title: "escape",
      timeoutMs: TIMEOUT_MS,
      memoryBytes: MEMORY_BYTES,
      net,
    };
    const end = (outcome: { value?: unknown; told: string }) => {
      void sandbox.kill();
      resolve(outcome);
    };
    const sandbox = executor.start(
      { task, code: new TextEncoder().encode(code) },
      {
        onResults: ({ block, failures }) => {
          const [record] = eachRecord(block);
          if (record === undefined) return;
          if (failures.length === 0) return end({ value: decodeValue(record), told: "a result" });
          const { name, message, stack } = decodeFailure(record);
          end({ told: `${name}: ${message}\n${stack}` });
        },
        onLog: () => {},
        onSaved: () => {},
        onDeath: ({ kind, message }) => end({ told: `${kind}: ${message}` }),
      },
    );
    sandbox.run(packRecords([encodeValue(port)]), 1);
  });
}

/** Whether something got out: a value, or the secret in what was told. */
function judge({ name }: Attempt, outcome: { value?: unknown; told: string }): Outcome {
  const escaped = "value" in outcome || outcome.told.includes(SECRET) || outcome.told.includes(INSIDE);
  const value = "value" in outcome ? `: ${JSON.stringify(outcome.value) ?? "undefined"}` : "";
  return { attempt: name, escaped, told: `${outcome.told}${value}`.slice(0, 300) };
}

/** A sandbox in which nothing runs would refuse everything. */
async function mustWork(executor: Executor): Promise<void> {
  const outcome = await run(executor, { name: "honest", code: "export const main = () => 'works'" }, 0);
  if (outcome.value !== "works")
    throw new Error(`The sandbox ${executor.kind} does not work: ${outcome.told}`);
}

/** Tries every known way out of one kind of sandbox. */
export async function tryEscapes(
  executor: Executor,
  onTried: (outcome: Outcome) => void = () => {},
): Promise<EscapeReport> {
  const server = createServer((_request, response) => void response.end(INSIDE));
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const { port } = server.address() as AddressInfo;
  const outcomes: Outcome[] = [];
  try {
    await mustWork(executor);
    const waiting = attempts.values();
    const lane = async () => {
      for (const attempt of waiting) {
        const outcome = judge(attempt, await run(executor, attempt, port));
        outcomes.push(outcome);
        onTried(outcome);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    await mustWork(executor);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  const escaped = outcomes.filter((outcome) => outcome.escaped).length;
  return { sandbox: executor.kind, tried: outcomes.length, escaped, outcomes };
}

/** The sandboxes that this machine has: Deno by itself, and inside bubblewrap where that works. */
export async function sandboxesHere(): Promise<Executor[]> {
  const plain = await createDenoExecutor({ limits, bubblewrap: false });
  const wrapped = await createDenoExecutor({ limits });
  if (wrapped.kind !== plain.kind) return [plain, wrapped];
  await wrapped.close();
  return [plain];
}
