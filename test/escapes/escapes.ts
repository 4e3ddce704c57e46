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
import { Diary, type DiaryEntry } from "../../src/worker/diary/index.ts";
import { createDenoExecutor, type Executor } from "../../src/worker/executors/index.ts";
import { RunNotes } from "../../src/worker/slots/run-notes.ts";
import { type Attempt, attempts, unseen } from "./attempts.ts";

export interface EscapeReport {
  readonly sandbox: string;
  readonly tried: number;
  readonly escaped: number;
  /** Attempts of which nothing stands in the volunteer's log, although they were denied something. */
  readonly unlogged: number;
  /** What each attempt came to. */
  readonly outcomes: readonly Outcome[];
}

export interface Outcome {
  readonly attempt: string;
  readonly escaped: boolean;
  /** What the task, or its sandbox, ended with. */
  readonly told: string;
  /** What its volunteer reads of it. */
  readonly seen: readonly string[];
}

/** Ports on this machine: of what nobody may reach, and of what sends its visitors elsewhere. */
interface Servers {
  readonly port: number;
  readonly redirector: number;
}

interface Ending {
  readonly value?: unknown;
  readonly told: string;
  readonly seen: readonly string[];
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
async function run(executor: Executor, attempt: Attempt, { port, redirector }: Servers): Promise<Ending> {
  const entries: DiaryEntry[] = [];
  const diary = new Diary({
    hub: "",
    project: "",
    limits,
    nowMs: Date.now,
    submitterOf: () => "",
    write: async (written) => void entries.push(...written),
  });
  const here = (text: string) => text.replaceAll("REDIRECTOR", String(redirector));
  const placed = { ...attempt, code: here(attempt.code), net: (attempt.net ?? []).map(here) };
  const outcome = await runNoted(executor, placed, port, diary);
  await diary.close();
  const [entry] = entries;
  const seen = [
    ...(entry?.denied ?? []).map(({ permission, target, by }) => `${by}: ${permission} ${target}`),
    ...Object.keys(entry?.endings ?? {}),
  ];
  return { ...outcome, seen };
}

function runNoted(
  executor: Executor,
  { code, net = [] }: Attempt,
  port: number,
  diary: Diary,
): Promise<Omit<Ending, "seen">> {
  return new Promise((resolve) => {
    const task = {
      bundle: "escape",
      entry: "export:main",
      title: "escape",
      timeoutMs: TIMEOUT_MS,
      memoryBytes: MEMORY_BYTES,
      net,
    };
    const notes = new RunNotes(diary, task);
    // What it was denied is all told when its process is gone.
    const end = (outcome: Omit<Ending, "seen">) => void sandbox.kill().then(() => resolve(outcome));
    const sandbox = executor.start(
      { task, code: new TextEncoder().encode(code), onDenied: notes.denied },
      {
        onResults: (results) => {
          const { block, failures } = results;
          notes.ran(results, undefined);
          const [record] = eachRecord(block);
          if (record === undefined) return;
          if (failures.length === 0) return end({ value: decodeValue(record), told: "a result" });
          const { name, message, stack } = decodeFailure(record);
          end({ told: `${name}: ${message}\n${stack}` });
        },
        onLog: () => {},
        onSaved: () => {},
        onDeath: ({ kind, message }) => {
          notes.ended(`${kind}: ${message}`);
          end({ told: `${kind}: ${message}` });
        },
      },
    );
    sandbox.run(packRecords([encodeValue(port)]), 1);
  });
}

/** Whether something got out: a value, or the secret in what was told. */
function judge({ name }: Attempt, outcome: Ending): Outcome {
  const escaped = "value" in outcome || outcome.told.includes(SECRET) || outcome.told.includes(INSIDE);
  const value = "value" in outcome ? `: ${JSON.stringify(outcome.value) ?? "undefined"}` : "";
  return { attempt: name, escaped, told: `${outcome.told}${value}`.slice(0, 300), seen: outcome.seen };
}

const nowhere: Servers = { port: 0, redirector: 0 };

/** A sandbox in which nothing runs would refuse everything. */
async function mustWork(executor: Executor): Promise<void> {
  const outcome = await run(executor, { name: "honest", code: "export const main = () => 'works'" }, nowhere);
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
  const elsewhere = createServer(({ url = "/" }, response) => {
    const to = decodeURIComponent(url.slice(1)).replace("PORT", String(port));
    response.writeHead(302, { location: `http://${to}/` }).end();
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  const servers = { port, redirector: (elsewhere.address() as AddressInfo).port };
  const outcomes: Outcome[] = [];
  try {
    await mustWork(executor);
    const waiting = attempts.values();
    const lane = async () => {
      for (const attempt of waiting) {
        const outcome = judge(attempt, await run(executor, attempt, servers));
        outcomes.push(outcome);
        onTried(outcome);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    await mustWork(executor);
  } finally {
    for (const each of [server, elsewhere]) {
      each.closeAllConnections();
      each.close();
    }
  }
  const escaped = outcomes.filter((outcome) => outcome.escaped).length;
  const unlogged = outcomes.filter((each) => each.seen.length === 0 && !unseen.includes(each.attempt)).length;
  return { sandbox: executor.kind, tried: outcomes.length, escaped, unlogged, outcomes };
}

/** The sandboxes that this machine has: Deno by itself, and inside bubblewrap where that works. */
export async function sandboxesHere(): Promise<Executor[]> {
  const plain = await createDenoExecutor({ limits, bubblewrap: false });
  const wrapped = await createDenoExecutor({ limits });
  if (wrapped.kind !== plain.kind) return [plain, wrapped];
  await wrapped.close();
  return [plain];
}
