import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Hello, Limits, MusketeersError } from "../../protocol/index.ts";
import { LINK_PATH } from "../../security/index.ts";
import { Admission, acceptPerAddress, plainAddress } from "../doors/index.ts";
import { refuse } from "../http/http-server.ts";
import { isSameOrigin, type PageSessions } from "../pages/page-sessions.ts";
import { Connections } from "./connections.ts";
import { Peer, type PeerHost, type PeerSession } from "./peer.ts";

export interface ReceptionOptions {
  readonly limits: Limits;
  readonly pages: Pick<PageSessions, "cookieIn">;
  /** What peers need of their hub, but for who lets them in. */
  readonly host: Omit<PeerHost, "admit">;
  /**
   * Who somebody is that has proven an invite.
   * @param admitClient counts a client
   * @throws MusketeersError where it may not come in
   */
  seat(peer: Peer, hello: Hello, admitClient: () => void): PeerSession;
}

/** Where connections come in: takes sockets, counts them, and lets those read that may be read. */
export class Reception {
  readonly peers = new Connections();
  readonly #server: Server;
  readonly #options: ReceptionOptions;
  readonly #host: PeerHost;
  readonly #admission: Admission<Peer>;
  readonly #webSockets: WebSocketServer;
  readonly #connections = new Set<Socket>();
  /** The journal does not keep up: nobody is read. */
  #pressed = false;
  #closed = false;

  constructor(server: Server, options: ReceptionOptions) {
    this.#server = server;
    this.#options = options;
    this.#admission = new Admission(options.limits);
    this.#host = { ...options.host, admit: (peer, hello) => this.#admit(peer, hello) };
    this.#webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      // Room for those that are somewhat too large to be told so; others are cut off.
      maxPayload: 2 * options.limits.frameBytesMax,
    });
    // Such as having no file descriptor left for one more connection: others go on.
    server.on("error", () => {});
    acceptPerAddress(server, options.limits.connectionsPerAddressMax, refuse);
    server.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Reads nobody while the journal does not keep up. */
  press(pressed: boolean): void {
    this.#pressed = pressed;
    for (const peer of this.peers) {
      if (pressed) peer.pause("pressure");
      else peer.resume("pressure");
    }
  }

  /** Says why to everybody, and takes nobody any more. Resolves when the last connection is gone, or was cut off. */
  async close(reason: MusketeersError): Promise<void> {
    this.#closed = true;
    this.peers.failAll(reason);
    const gone = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const grace = setTimeout(() => {
      for (const socket of this.#connections) socket.destroy();
    }, this.#options.limits.hubCloseGraceMs);
    this.#server.closeIdleConnections();
    await gone;
    clearTimeout(grace);
    this.#webSockets.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = request.url?.split("?", 1)[0];
    if (path !== LINK_PATH || this.#closed) {
      socket.on("error", () => socket.destroy());
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", () => socket.destroy());
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const { origin, host: asked, cookie } = request.headers;
      const pageCookie = isSameOrigin(origin, asked) ? this.#options.pages.cookieIn(cookie) : "";
      const peer = new Peer(webSocket, this.#host, plainAddress(request.socket.remoteAddress), pageCookie);
      this.peers.add(peer);
      webSocket.once("close", () => {
        this.peers.delete(peer);
        this.#admission.left(peer);
      });
      this.#admission.arrived(peer);
    });
  }

  #admit(peer: Peer, hello: Hello): PeerSession {
    this.#admission.admitKey(peer, peer.grant.id);
    const session = this.#options.seat(peer, hello, () => this.#admission.admitClient(peer));
    this.#admission.admitted(peer);
    if (this.#pressed) peer.pause("pressure");
    return session;
  }
}
