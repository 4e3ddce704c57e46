import {
  type Challenge,
  defaultLimits,
  FrameReceiver,
  FrameSender,
  type Hello,
  type HubToClient,
  type HubToWorker,
  type Limits,
  MusketeersError,
  PACKAGE_VERSION,
  PROTOCOL_VERSION,
  type PresentedLease,
  parseHubMessage,
  toMusketeersError,
  type Welcome,
  type WorkerDescription,
} from "../protocol/index.ts";
import {
  type Invite,
  type KeySigner,
  packageCommand,
  signHello,
  signKey,
  signKeyWith,
  verifyWelcome,
} from "../security/index.ts";
import type { OpenSocket, Socket } from "./socket.ts";
import { unreachableHint } from "./unreachable.ts";

export interface LinkOptions {
  readonly invite: Invite;
  readonly openSocket: OpenSocket;
  /** Secret key of this machine, which it proves besides the invite's; that one where it has none of its own. */
  readonly machineKey?: Uint8Array | KeySigner;
  /** Of a hub's own page, in place of the invite's proof: the browser brings the cookie that belongs to it. */
  readonly pageToken?: Uint8Array;
  /** Program and version, for people; the package's own where nothing is said. */
  readonly agent?: string;
  /** Describes the worker, where the peer is one; asked anew at each connection. */
  readonly worker?: () => WorkerDescription;
  /** Leases that a reconnecting worker still holds. */
  readonly leases?: () => readonly PresentedLease[];
  readonly limits?: Limits;
  /** From 0 to below 1; spreads reconnects. */
  readonly random?: () => number;
  /**
   * Where another hub answers at the address of one that was spoken with, looks again every `strangerRetryMs` instead of
   * ending: somebody may have started the wrong one for a while.
   */
  readonly outwaitsStrangers?: boolean;
}

export interface LinkHandlers {
  /** Connected and proven, for the first time or again. Messages follow. */
  onWelcome(welcome: Welcome): void;
  onMessage(message: HubToWorker | HubToClient, body: Uint8Array): void;
  /** The connection is gone and is tried again after the pause. */
  onDown?(error: MusketeersError, retryInMs: number): void;
}

/** What a socket gets to say goodbye in. */
const CLOSE_GRACE_MS = 2_000;
/** Sockets are given up when nothing came for so many heartbeats. */
const SILENT_HEARTBEATS = 4;
const NONCE_BYTES = 16;
/** What a hello holds besides its leases at most, roughly, and each lease besides its id. */
const HELLO_BYTES_MAX = 128 * 1024;
const PRESENTED_BYTES_MAX = 32;
/** WebSocket close code of RFC 6455, section 7.4.1. */
const MESSAGE_TOO_BIG = 1009;

/**
 * One peer's end of the wire: connects to the hub of an invite, proves both sides, and reconnects with
 * growing, jittered pauses until it is closed or the hub refuses it for good.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  readonly #limits: Limits;
  /** Settles when the link is over: fulfilled by `close`, rejected where the hub refused it for good. */
  readonly closed: Promise<void>;
  #settleClosed!: { resolve: () => void; reject: (error: MusketeersError) => void };
  readonly #ready: Promise<Welcome>;
  #settleReady!: { resolve: (welcome: Welcome) => void; reject: (error: MusketeersError) => void };

  #socket: Socket | undefined;
  #sender = new FrameSender();
  #receiver = new FrameReceiver();
  #phase: "idle" | "connecting" | "up" | "waiting" | "over" = "idle";
  #challenge: Challenge | undefined;
  #nonce: Uint8Array = new Uint8Array(0);
  #attempts = 0;
  /** The hub of the invite has proven itself before. */
  #wasUp = false;
  /** Connections one after the other that ended because a frame of ours was too large. */
  #cutOffs = 0;
  #farewell: MusketeersError | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  #steadyTimer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #aliveSince = 0;

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#limits = options.limits ?? defaultLimits;
    this.closed = new Promise((resolve, reject) => {
      this.#settleClosed = { resolve, reject };
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Both are also seen through `onDown` and `start`; nobody has to await them.
    this.closed.catch(() => {});
    this.#ready.catch(() => {});
  }

  /**
   * Connects, trying again until it succeeds; resolves with the hub's first welcome.
   * @throws MusketeersError where the hub refuses the invite or the version, or after `close`.
   */
  start(): Promise<Welcome> {
    if (this.#phase === "idle") this.#connect();
    return this.#ready;
  }

  get up(): boolean {
    return this.#phase === "up";
  }

  /** Bytes that wait to leave this process. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedBytes ?? 0;
  }

  /** Sends one frame; false (and nothing happens) while the link is down. */
  send(header: object, body?: Uint8Array): boolean {
    if (this.#phase !== "up") return false;
    this.#socket?.send(this.#sender.encode(header, body));
    return true;
  }

  /** Gives up the connection that there is, which the hub is known to have lost, and makes another. */
  reconnect(): void {
    if (this.#phase === "up") this.#socket?.terminate();
  }

  /** Ends the link. What was sent still leaves. */
  close(): void {
    this.#over(undefined);
  }

  #connect(): void {
    this.#phase = "connecting";
    this.#challenge = undefined;
    this.#farewell = undefined;
    this.#aliveSince = 0;
    this.#sender = new FrameSender();
    this.#receiver = new FrameReceiver();
    let socket: Socket | undefined;
    const current = () => socket === undefined || socket === this.#socket;
    const url = this.#options.invite.wsUrl;
    try {
      socket = this.#options.openSocket(
        url,
        {
          onOpen: () => {},
          onAlive: () => {
            if (current()) this.#aliveSince = 0;
          },
          onFrame: (frame) => {
            if (current()) this.#receive(frame);
          },
          onClose: (reason, code, isStranger) => {
            if (!current()) return;
            if (isStranger === true) {
              const message = `Another program answers at ${this.#options.invite.url}: ${reason}`;
              this.#farewell = new MusketeersError("HUB_IDENTITY", message);
            }
            this.#down(reason, code);
          },
        },
        this.#options.invite.tlsPin ?? undefined,
      );
    } catch (cause) {
      this.#over(new MusketeersError("BAD_ARGUMENT", `No address to connect to: ${url}`, { cause }));
      return;
    }
    this.#socket = socket;
    this.#watch(this.#limits.handshakeTimeoutMs);
  }

  /** Gives the socket up when it stays silent; a half-open connection reports nothing by itself. */
  #watch(silenceMs: number): void {
    clearInterval(this.#watchdog);
    const stepMs = Math.max(10, silenceMs / SILENT_HEARTBEATS);
    this.#watchdog = setInterval(() => {
      this.#aliveSince += stepMs;
      if (this.#aliveSince > silenceMs) this.#socket?.terminate();
    }, stepMs);
  }

  #receive(frame: Uint8Array): void {
    // A welcome that crosses our close must not bring the link back to life.
    if (this.#phase === "over") return;
    this.#aliveSince = 0;
    try {
      const { header, body } = this.#receiver.decode(frame, this.#limits);
      const message = parseHubMessage(header);
      switch (message.type) {
        case "challenge":
          this.#answer(message);
          break;
        case "welcome":
          this.#welcome(message);
          break;
        case "goodbye":
          this.#farewell = MusketeersError.from(message);
          break;
        default:
          if (this.#phase === "up") this.#handlers.onMessage(message, body);
      }
    } catch (error) {
      const failure = toMusketeersError(error);
      if (failure.code === "INTERNAL") throw error;
      this.#farewell ??= failure;
      this.#socket?.terminate();
    }
  }

  #answer(challenge: Challenge): void {
    const { invite, worker, leases, pageToken } = this.#options;
    this.#nonce = globalThis.crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    // Whose hub it is comes first: of another's it does not matter which version that is.
    const proof = pageToken ?? signHello(invite, challenge, this.#nonce);
    if (challenge.version !== PROTOCOL_VERSION) {
      throw new MusketeersError(
        "VERSION_MISMATCH",
        `The hub speaks protocol ${challenge.version}, this program ${PROTOCOL_VERSION}`,
        { hint: `Use the hub's own version: ${packageCommand(invite)} …` },
      );
    }
    this.#challenge = challenge;
    const said = { grant: invite.grant, nonce: this.#nonce };
    const hello = (key: Pick<Hello, "key" | "keyProof">) =>
      this.#socket?.send(
        this.#sender.encode({
          type: "hello",
          version: PROTOCOL_VERSION,
          agent: this.#options.agent ?? `musketeers/${PACKAGE_VERSION}`,
          ...said,
          proof,
          ...key,
          ...(worker === undefined ? {} : { worker: worker() }),
          leases: fitting(leases?.() ?? [], this.#limits.headerBytesMax - HELLO_BYTES_MAX),
        }),
      );
    const { machineKey = invite.secretKey } = this.#options;
    if (machineKey instanceof Uint8Array) hello(signKey(machineKey, challenge, said));
    else this.#helloLater(signKeyWith(machineKey, challenge, said), challenge, hello);
  }

  /** A key that is out of reach takes its time; meanwhile the connection may be another. */
  #helloLater<T>(key: Promise<T>, challenge: Challenge, hello: (key: T) => void): void {
    const isCurrent = () => this.#phase === "connecting" && this.#challenge === challenge;
    key.then(
      (signed) => {
        if (isCurrent()) hello(signed);
      },
      (cause: unknown) => {
        if (!isCurrent()) return;
        this.#farewell = new MusketeersError("INTERNAL", "The key of this machine does not sign", { cause });
        this.#socket?.terminate();
      },
    );
  }

  #welcome(welcome: Welcome): void {
    const challenge = this.#challenge;
    const { invite, pageToken } = this.#options;
    // A page was given by its hub, and trusts it.
    const hubKey = pageToken === undefined ? invite.hubKey : (challenge?.hubKey ?? invite.hubKey);
    if (challenge === undefined || !verifyWelcome(hubKey, challenge, this.#nonce, welcome.proof)) {
      throw new MusketeersError("HUB_IDENTITY", "The hub could not prove that it is the one of the invite");
    }
    this.#phase = "up";
    this.#wasUp = true;
    // A hub that takes us in and throws us out again is not to be asked ever so often.
    this.#steadyTimer = setTimeout(() => {
      this.#attempts = 0;
    }, welcome.heartbeatIntervalMs);
    if (this.#socket?.hidesPings === true) clearInterval(this.#watchdog);
    else this.#watch(welcome.heartbeatIntervalMs * SILENT_HEARTBEATS);
    this.#handlers.onWelcome(welcome);
    this.#settleReady.resolve(welcome);
  }

  #down(reason: string, code?: number): void {
    clearInterval(this.#watchdog);
    clearTimeout(this.#steadyTimer);
    clearTimeout(this.#closeTimer);
    this.#socket = undefined;
    if (this.#phase === "over") return;
    const error = this.#farewell ?? this.#errorOf(reason, code);
    this.#cutOffs = code === MESSAGE_TOO_BIG ? this.#cutOffs + 1 : 0;
    const isOutwaited = error.code === "HUB_IDENTITY" && this.#wasUp && this.#options.outwaitsStrangers;
    // A broken frame may be a broken proxy's: only the hub's refusals are final.
    if (!error.retryable && error.code !== "PROTOCOL" && !isOutwaited) {
      this.#over(error);
      return;
    }
    this.#phase = "waiting";
    const retryInMs = isOutwaited ? this.#limits.strangerRetryMs : this.#pauseMs();
    this.#attempts++;
    this.#retryTimer = setTimeout(() => this.#connect(), retryInMs);
    this.#handlers.onDown?.(error, retryInMs);
  }

  #errorOf(reason: string, code: number | undefined): MusketeersError {
    // Once it may be a length that was damaged on its way.
    if (code === MESSAGE_TOO_BIG && this.#cutOffs > 0) {
      return new MusketeersError("LIMIT_EXCEEDED", "The hub does not take a frame of this size");
    }
    const { url } = this.#options.invite;
    const hint = unreachableHint(url, reason);
    return new MusketeersError(
      "HUB_UNREACHABLE",
      `No connection to ${url}: ${reason}`,
      hint === undefined ? {} : { hint },
    );
  }

  /**
   * Exponential back-off with "full jitter", the first one too (all peers of a hub lose it at once), but
   * never less than the shortest pause.
   */
  #pauseMs(): number {
    const { reconnectDelayMinMs, reconnectDelayMaxMs } = this.#limits;
    const ceiling = Math.min(
      reconnectDelayMaxMs,
      reconnectDelayMinMs * 2 ** Math.min(this.#attempts + 1, 20),
    );
    const random = this.#options.random ?? Math.random;
    return reconnectDelayMinMs + random() * (ceiling - reconnectDelayMinMs);
  }

  #over(error: MusketeersError | undefined): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    clearInterval(this.#watchdog);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#steadyTimer);
    const socket = this.#socket;
    if (socket !== undefined) {
      socket.close();
      // The other side may never answer; whoever closes may be waiting to leave.
      this.#closeTimer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
    }
    if (error === undefined) {
      this.#settleReady.reject(new MusketeersError("HUB_UNREACHABLE", "The connection was closed"));
      this.#settleClosed.resolve();
    } else {
      this.#settleReady.reject(error);
      this.#settleClosed.reject(error);
    }
  }
}

/** Of more leases than a header may hold the first ones; the others are run again. */
function fitting(leases: readonly PresentedLease[], bytesMax: number): readonly PresentedLease[] {
  let bytes = 0;
  const over = leases.findIndex(({ lease }) => {
    bytes += lease.length + PRESENTED_BYTES_MAX;
    return bytes > bytesMax;
  });
  return over < 0 ? leases : leases.slice(0, over);
}
