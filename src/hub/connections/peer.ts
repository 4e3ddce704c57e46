import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import {
  FrameReceiver,
  FrameSender,
  type Hello,
  type Limits,
  MusketeersError,
  PROTOCOL_VERSION,
  parsePeerMessage,
  type Role,
  type SessionMessage,
  toMusketeersError,
} from "../../protocol/index.ts";
import { type Grant, openGrant, signWelcome, verifyHello, verifyKey } from "../../security/index.ts";
import { Flow } from "../doors/index.ts";

/** What a peer needs of its hub. */
export interface PeerHost {
  readonly name: string;
  readonly hubKey: Uint8Array;
  readonly hubSecretKey: Uint8Array;
  readonly limits: Limits;
  /** Whether the operator took this invite back. */
  isRevoked(grantId: string): boolean;
  /** The right of a page of the hub's own whose browser signed in: its cookie, and what it shows besides. */
  grantOfPage(cookie: string, token: Uint8Array): Grant;
  /** Wall clock, for expiry dates. */
  nowMs(): number;
  /** A proven peer: returns what handles its messages, and whom of its leases it is to go on with. */
  admit(peer: Peer, hello: Hello): PeerSession;
}

/** What a role does with what comes in. */
export interface PeerSession {
  readonly adopted: readonly string[];
  /** Who answers for it, where it is a worker. */
  readonly person?: string;
  /** The welcome is out: messages may be sent from now on. */
  start(): void;
  onMessage(message: SessionMessage, body: Uint8Array): void;
  /** More than `socketBufferBytesMax` waits to leave; later: most of it has left. */
  onCongestion(congested: boolean): void;
  onClose(reason: string): void;
}

/** Why a peer is not read for a while; it is read again when no reason is left. */
export type PauseReason = "pressure" | "unstored" | "congested" | "flood";

const NONCE_BYTES = 16;
const SESSION_BYTES = 24;
/** Pings after which a connection counts as dead when nothing came and nothing left meanwhile. */
const PINGS_MISSED_MAX = 3;
/** As long as those who read a goodbye take it to be. */
const GOODBYE_LENGTH_MAX = 2048;

/** What whoever comes, or came, with a revoked invite is told. */
export const revokedInvite = (): MusketeersError =>
  new MusketeersError("UNAUTHORIZED", "This invite was revoked");

/** The hub's end of one connection: framing, handshake, liveness. */
export class Peer {
  readonly #socket: WebSocket;
  readonly #host: PeerHost;
  readonly #sender = new FrameSender();
  readonly #receiver = new FrameReceiver();
  readonly #nonce = new Uint8Array(randomBytes(NONCE_BYTES));
  readonly #timers: (ReturnType<typeof setInterval> | ReturnType<typeof setTimeout>)[] = [];
  #session: PeerSession | undefined;
  #grant: Grant | undefined;
  readonly #pauses = new Set<PauseReason>();
  readonly #flow: Flow;
  #pingsMissed = 0;
  #bufferedAtPing = 0;
  #congested = false;
  /** Nothing goes out, and nothing that comes is looked at. */
  #over = false;

  /** IP address at the other end of the connection, which may be a translator's or a proxy's. */
  readonly address: string;
  /** Of the hub's own pages: the cookie that they came with; else empty. */
  readonly #cookie: string;
  /** The proven grant as the hub signed it. */
  #signedGrant: Uint8Array | undefined;
  /** Bearer token of this connection for HTTP. */
  readonly sessionToken = randomBytes(SESSION_BYTES).toString("base64url");

  /**
   * @param address where the connection comes from, as far as the hub sees
   * @param cookie of a page of the hub's own
   */
  constructor(socket: WebSocket, host: PeerHost, address: string, cookie = "") {
    this.address = address;
    this.#cookie = cookie;
    this.#socket = socket;
    this.#host = host;
    this.#flow = new Flow({
      limits: host.limits,
      pause: () => this.pause("flood"),
      resume: () => this.resume("flood"),
      fail: (error) => this.fail(error),
    });
    socket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on("pong", () => {
      this.#pingsMissed = 0;
    });
    socket.on("ping", () => {
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

  /** The invite's id, once there is one. */
  get provenGrant(): string | undefined {
    return this.#grant?.id;
  }

  /** The role, once there is one. */
  get provenRole(): Role | undefined {
    return this.#grant?.role;
  }

  /** Who answers for a worker, once it is one. */
  get person(): string | undefined {
    return this.#session?.person;
  }

  /** The grant as the hub signed it, where its key was proven on this connection. */
  get signedGrant(): Uint8Array | undefined {
    return this.#signedGrant;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Whether so much waits to leave that nothing should be added that can wait. */
  get congested(): boolean {
    return this.#congested;
  }

  send(header: object, body?: Uint8Array): void {
    if (this.#over) return;
    this.#socket.send(this.#sender.encode(header, body), this.#onSent);
    if (this.#congested || this.#socket.bufferedAmount <= this.#host.limits.socketBufferBytesMax) return;
    this.#congested = true;
    this.#session?.onCongestion(true);
  }

  readonly #onSent = (): void => {
    if (!this.#congested) return;
    if (this.#over || this.#socket.bufferedAmount > this.#host.limits.socketBufferBytesMax / 2) return;
    this.#congested = false;
    this.#session?.onCongestion(false);
  };

  /** Stops reading; the sender feels it through its socket. */
  pause(reason: PauseReason): void {
    if (this.#over) return;
    this.#pauses.add(reason);
    this.#socket.pause();
  }

  resume(reason: PauseReason): void {
    if (this.#pauses.delete(reason) && this.#pauses.size === 0) this.#socket.resume();
  }

  /** Something of its was refused because of a limit, or because it may not do it; who goes on has to go. */
  refused(): void {
    this.#flow.refused();
  }

  /** Says why and closes. */
  fail(error: MusketeersError): void {
    if (this.#over) return;
    const { code, message, hint } = error;
    this.send({
      type: "goodbye",
      code,
      message: message.slice(0, GOODBYE_LENGTH_MAX),
      hint: hint.slice(0, GOODBYE_LENGTH_MAX),
    });
    this.#over = true;
    this.#pauses.clear();
    this.#socket.close(1000);
    this.#socket.resume();
    this.#timers.push(setTimeout(() => this.terminate(), this.#host.limits.handshakeTimeoutMs));
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #ping(): void {
    const buffered = this.#socket.bufferedAmount;
    const leaves = buffered < this.#bufferedAtPing;
    this.#bufferedAtPing = buffered;
    // While reading is paused, answers to pings wait as well; but who takes what we send is there.
    if (leaves || (this.#socket.isPaused && !this.#congested)) this.#pingsMissed = 0;
    if (this.#pingsMissed++ >= PINGS_MISSED_MAX) this.#socket.terminate();
    else this.#socket.ping();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#over) return;
    this.#pingsMissed = 0;
    this.#flow.frame();
    try {
      if (!isBinary) throw new MusketeersError("PROTOCOL", "A frame of text");
      const { header, body } = this.#receiver.decode(data, this.#host.limits);
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
    const challenge = { hubKey: host.hubKey, nonce: this.#nonce };
    const grant = this.#provenBy(hello, challenge);
    if (!verifyKey(challenge, hello)) {
      throw new MusketeersError("UNAUTHORIZED", "The machine's own key was not proven");
    }
    if (host.isRevoked(grant.id)) throw revokedInvite();
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

  /** @throws MusketeersError `UNAUTHORIZED`, `INVITE_EXPIRED` */
  #provenBy(hello: Hello, challenge: { readonly hubKey: Uint8Array; readonly nonce: Uint8Array }): Grant {
    const host = this.#host;
    if (hello.grant.length === 0) return host.grantOfPage(this.#cookie, hello.proof);
    const grant = openGrant(hello.grant, host.hubKey, host.nowMs());
    if (!verifyHello(grant, challenge, hello)) {
      throw new MusketeersError("UNAUTHORIZED", "The invite's key was not proven");
    }
    this.#signedGrant = hello.grant;
    return grant;
  }

  #onClose(reason: string): void {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#flow.close();
    this.#session?.onClose(reason);
  }
}
