import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import {
  decodeFrame,
  encodeFrame,
  type Hello,
  type Limits,
  MusketeersError,
  PROTOCOL_VERSION,
  parsePeerMessage,
  type Role,
  type SessionMessage,
  toMusketeersError,
} from "../protocol/index.ts";
import { type Grant, openGrant, signWelcome, verifyHello } from "../security/index.ts";

/** What a peer needs of its hub. */
export interface PeerHost {
  readonly name: string;
  readonly hubKey: Uint8Array;
  readonly hubSecretKey: Uint8Array;
  readonly limits: Limits;
  /** Whether the operator took this invite back. */
  isRevoked(grantId: string): boolean;
  /** Wall clock, for expiry dates. */
  nowMs(): number;
  /** A proven peer: returns what handles its messages, and whom of its leases it is to go on with. */
  admit(peer: Peer, hello: Hello): PeerSession;
}

/** What a role does with what comes in. */
export interface PeerSession {
  readonly adopted: readonly string[];
  /** The welcome is out: messages may be sent from now on. */
  start(): void;
  onMessage(message: SessionMessage, body: Uint8Array): void;
  onClose(reason: string): void;
}

const NONCE_BYTES = 16;
const SESSION_BYTES = 24;
/** Answered pings that may be missing before a connection counts as dead. */
const PINGS_MISSED_MAX = 3;

/** The hub's end of one connection: framing, handshake, liveness. */
export class Peer {
  readonly #socket: WebSocket;
  readonly #host: PeerHost;
  readonly #nonce = new Uint8Array(randomBytes(NONCE_BYTES));
  readonly #timers: (ReturnType<typeof setInterval> | ReturnType<typeof setTimeout>)[] = [];
  #session: PeerSession | undefined;
  #grant: Grant | undefined;
  #pingsMissed = 0;
  #closed = false;

  /** Bearer token of this connection for HTTP. */
  readonly sessionToken = randomBytes(SESSION_BYTES).toString("base64url");

  constructor(socket: WebSocket, host: PeerHost) {
    this.#socket = socket;
    this.#host = host;
    socket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on("pong", () => {
      this.#pingsMissed = 0;
    });
    // The close that follows says all that is needed.
    socket.on("error", () => {});
    socket.on("close", (code, reason) => this.#onClose(reason.toString() || `closed (${code})`));
    this.#timers.push(
      setTimeout(() => {
        if (this.#session === undefined) this.fail(new MusketeersError("PROTOCOL", "No handshake in time"));
      }, host.limits.handshakeTimeoutMs),
      setInterval(() => this.#ping(), host.limits.heartbeatIntervalMs),
    );
    const { hubKey } = host;
    this.send({ type: "challenge", version: PROTOCOL_VERSION, hubKey, nonce: this.#nonce });
  }

  /** The proven invite; only after the handshake. */
  get grant(): Grant {
    if (this.#grant === undefined) throw new MusketeersError("UNAUTHORIZED", "No handshake yet");
    return this.#grant;
  }

  get role(): Role {
    return this.grant.role;
  }

  /** The role, once there is one. */
  get provenRole(): Role | undefined {
    return this.#grant?.role;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(header: object, body?: Uint8Array): void {
    if (!this.#closed) this.#socket.send(encodeFrame(header, body));
  }

  /** Stops and resumes reading; the sender feels it through its socket. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says why and closes. */
  fail(error: MusketeersError): void {
    const { code, message, hint } = error;
    this.send({ type: "goodbye", code, message, hint });
    this.#socket.close(1000);
    this.#socket.resume();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #ping(): void {
    // While reading is paused, answers to pings wait as well.
    if (this.#socket.isPaused) return;
    if (this.#pingsMissed++ >= PINGS_MISSED_MAX) this.#socket.terminate();
    else this.#socket.ping();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    try {
      if (!isBinary) throw new MusketeersError("PROTOCOL", "A frame of text");
      const { header, body } = decodeFrame(data, this.#host.limits);
      const message = parsePeerMessage(header);
      if (message.type === "hello") this.#hello(message);
      else if (this.#session === undefined)
        throw new MusketeersError("UNAUTHORIZED", "Messages before the hello");
      else this.#session.onMessage(message, body);
    } catch (error) {
      this.fail(toMusketeersError(error));
    }
  }

  #hello(hello: Hello): void {
    const host = this.#host;
    if (this.#session !== undefined) throw new MusketeersError("PROTOCOL", "A second hello");
    if (hello.version !== PROTOCOL_VERSION) {
      throw new MusketeersError(
        "VERSION_MISMATCH",
        `${hello.agent} speaks protocol ${hello.version}, this hub ${PROTOCOL_VERSION}`,
      );
    }
    const grant = openGrant(hello.grant, host.hubKey, host.nowMs());
    const challenge = { hubKey: host.hubKey, nonce: this.#nonce };
    if (!verifyHello(grant, challenge, hello)) {
      throw new MusketeersError("UNAUTHORIZED", "The invite's key was not proven");
    }
    if (host.isRevoked(grant.id)) throw new MusketeersError("UNAUTHORIZED", "This invite was revoked");
    this.#grant = grant;
    const session = host.admit(this, hello);
    this.#session = session;
    this.send({
      type: "welcome",
      version: PROTOCOL_VERSION,
      hub: host.name,
      proof: signWelcome(host.hubSecretKey, challenge, hello.nonce),
      session: this.sessionToken,
      role: grant.role,
      heartbeatIntervalMs: host.limits.heartbeatIntervalMs,
      adopted: session.adopted,
    });
    session.start();
  }

  #onClose(reason: string): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#session?.onClose(reason);
  }
}
