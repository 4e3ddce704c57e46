import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { MusketeersError } from "../../protocol/index.ts";
import type { JoinEvent } from "./join-event.ts";

/** The program itself, compiled or not. */
const program = fileURLToPath(new URL(`../main${import.meta.url.slice(-3)}`, import.meta.url));

/** How a worker's process is handed its invites: command lines are visible to all users of a machine. */
export const INVITE_VARIABLE = "MUSKETEERS_WORKER_INVITE";

/**
 * Slots of one of several workers that share a machine: as many cores as it may use, dealt out.
 * @param cores that this process may use
 * @param at which of them it is, from 0
 */
export const slotsOfShare = (cores: number, workers: number, at: number): number =>
  Math.max(1, Math.floor(cores / workers) + (at < cores % workers ? 1 : 0));

export interface LocalWorkerOptions {
  readonly invite: string;
  /** Of further hubs that it is to work for. */
  readonly others?: readonly string[];
  /** How the hub and the others share its slots. */
  readonly shares?: readonly number[];
  readonly name: string;
  readonly slots?: number;
  readonly allowNet?: readonly string[];
  readonly trust?: boolean;
  readonly onEvent?: (event: JoinEvent) => void;
}

export interface LocalWorker {
  readonly name: string;
  /** Resolves when it has joined; rejects with what it said when it ended before. */
  readonly joined: Promise<void>;
  readonly ended: Promise<void>;
  /** Lets it finish or hand back what it has. */
  stop(): Promise<void>;
  /** Ends one at once that was told to stop. */
  kill(): void;
}

const STDERR_KEPT = 16_384;

/** The error that a worker's process ended with, as it printed it. */
function lastWords(name: string, said: string): MusketeersError {
  const printed = /^\{"error":.*\}$/m.exec(said)?.[0];
  if (printed === undefined) {
    return new MusketeersError("INTERNAL", `The worker ${name} ended before it had joined: ${said.trim()}`);
  }
  const error = MusketeersError.from((JSON.parse(printed) as { error: object }).error);
  return new MusketeersError(error.code, `The worker ${name} could not join: ${error.message}`, {
    hint: error.hint,
  });
}

/**
 * Starts `musketeers join` as a child process. It reports over the channel between the two processes and
 * leaves by itself when this process is gone.
 */
export function startLocalWorker(options: LocalWorkerOptions): LocalWorker {
  const { invite, others = [], shares, name, slots, allowNet = [], trust = false, onEvent } = options;
  const args = ["join", "--json", "--accept", "--invite-env", INVITE_VARIABLE, "--name", name];
  // These are the operator's own, not lent.
  args.push("--priority", "normal");
  if (slots !== undefined) args.push("--slots", String(slots));
  for (const host of allowNet) args.push("--allow-net", host);
  if (trust) args.push("--trust");
  if (shares !== undefined) args.push("--share", shares.join("/"));
  const child = fork(program, args, {
    env: { ...process.env, [INVITE_VARIABLE]: [invite, ...others].join("\n"), NO_COLOR: "1" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-STDERR_KEPT);
  });
  const ended = once(child, "close").then(() => {});
  const joined = new Promise<void>((resolve, reject) => {
    child.on("message", (event: JoinEvent) => {
      const { origin, pathname } = new URL(invite);
      const own =
        others.length === 0 || ("url" in event && `${origin}${pathname}`.startsWith(`${event.url}/`));
      if (event.event === "joined" && own) resolve();
      else onEvent?.(event);
    });
    child.once("error", reject);
    void ended.then(() => reject(lastWords(name, said)));
  });
  joined.catch(() => {});
  // Told a second time to leave, it ends at once, but still removes its temporary files.
  const kill = () => void child.kill("SIGTERM");
  return { name, joined, ended, stop: () => stopChild(child, ended), kill };
}

async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  askToLeave(child, process.platform);
  await ended;
}

type Leaver = Pick<ChildProcess, "exitCode" | "signalCode" | "connected" | "kill" | "disconnect">;

/** Tells a worker to finish or hand back what it has. */
export function askToLeave(child: Leaver, platform: NodeJS.Platform): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // Windows has no signal that a process could answer; there it leaves because nobody leads it any more.
  if (platform !== "win32") child.kill("SIGTERM");
  else if (child.connected) child.disconnect();
}
