import type { HubFetch } from "../data/index.ts";
import { Link, type OpenSocket } from "../link/index.ts";
import {
  type Duration,
  defaultLimits,
  type Limits,
  MusketeersError,
  parseDuration,
} from "../protocol/index.ts";
import { type Invite, parseInvite } from "../security/index.ts";
import type { Tracer } from "../tracing/index.ts";
import { Cluster } from "./cluster.ts";
import type { ListPath } from "./datasets/put-source.ts";
import { abortReason } from "./errors.ts";
import { Session } from "./session/session.ts";
import { taskSigner } from "./session/task-signer.ts";
import type { LoadTask } from "./tasks/loaded.ts";

export interface ConnectOptions {
  /** Name of a profile, or an invite. Else `$MUSKETEERS_HUB`, else the last login. */
  readonly hub?: string;
  readonly signal?: AbortSignal;
  /** How long a hub that does not answer is tried: 10 s where nothing is said. */
  readonly timeout?: Duration | "forever";
  /** Told of each try that failed, and of each break of the connection later. */
  readonly onRetry?: (error: MusketeersError, retryInMs: number) => void;
  /** Program and version, for the hub's operator. */
  readonly agent?: string;
}

/** What differs between Node and a page. */
export interface Platform {
  readonly openSocket: OpenSocket;
  readonly loadTask: LoadTask;
  /** How to speak HTTP with the hub of an invite; the platform's `fetch` where nothing is said. */
  readonly fetchWith?: (invite: Invite) => HubFetch;
  /** The key of this machine, asked for where the users of an invite are counted. */
  readonly machineKey?: () => Uint8Array | Promise<Uint8Array>;
  /** Where the environment asks for traces. */
  readonly tracer?: (limits: Limits) => Tracer | undefined;
  /** Where there are paths. */
  readonly listPath?: ListPath;
  /** Of a hub's own page, which has no invite any more. */
  readonly pageToken?: Uint8Array;
}

function timeoutOf(options: ConnectOptions, limits: Limits): number | undefined {
  const { timeout } = options;
  if (timeout === "forever") return undefined;
  return timeout === undefined ? limits.connectTimeoutMs : parseDuration("timeout", timeout);
}

/**
 * Connects by an invite.
 * @throws MusketeersError `HUB_UNREACHABLE` after the time-out, `INVITE_MALFORMED`, `INVITE_EXPIRED`,
 * `UNAUTHORIZED`, `HUB_IDENTITY`, `VERSION_MISMATCH`; or the signal's reason.
 */
export async function connectTo(
  inviteText: string,
  options: ConnectOptions,
  platform: Platform,
  limits: Limits = defaultLimits,
): Promise<Cluster> {
  options.signal?.throwIfAborted();
  return connectWith(parseInvite(inviteText), options, platform, limits);
}

/** Connects by an invite that was read; throws as `connectTo`. */
export async function connectWith(
  invite: Invite,
  options: ConnectOptions,
  platform: Platform,
  limits: Limits = defaultLimits,
): Promise<Cluster> {
  const { signal, agent, onRetry } = options;
  signal?.throwIfAborted();
  const timeoutMs = timeoutOf(options, limits);
  const { openSocket, pageToken } = platform;
  const fetch = platform.fetchWith?.(invite);
  const machineKey = invite.counted ? await platform.machineKey?.() : undefined;
  let lastError: MusketeersError | undefined;
  const session = new Session({
    baseUrl: invite.url,
    ...(fetch === undefined ? {} : { fetch }),
    sign: taskSigner(invite),
    tracer: platform.tracer?.(limits),
    limits,
    openLink: (handlers) =>
      new Link(
        {
          invite,
          limits,
          openSocket,
          ...(agent === undefined ? {} : { agent }),
          ...(pageToken === undefined ? {} : { pageToken }),
          ...(machineKey === undefined ? {} : { machineKey }),
        },
        handlers,
      ),
    onRetry: (error, retryInMs) => {
      lastError = error;
      onRetry?.(error, retryInMs);
    },
  });
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    const abort = () => reject(abortReason(signal!));
    const giveUp = () =>
      reject(lastError ?? new MusketeersError("HUB_UNREACHABLE", `${invite.url} does not answer`));
    const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  try {
    await Promise.race([session.start(), stopped]);
  } catch (error) {
    session.close();
    throw error;
  } finally {
    stop?.();
  }
  return new Cluster(session, platform.loadTask, limits, platform.listPath);
}
