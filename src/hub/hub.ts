import type { Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Engine } from "../engine/index.ts";
import {
  DEFAULT_PROJECT,
  type Hello,
  type Limits,
  MusketeersError,
  type WorkerDescription,
} from "../protocol/index.ts";
import { newId, packageCommand, publicKeyOf } from "../security/index.ts";
import { ClientSession } from "./clients/client-session.ts";
import { systemClock } from "./clock.ts";
import type { Peer, PeerSession } from "./connections/peer.ts";
import { Reception } from "./connections/reception.ts";
import type { Coordinator } from "./coordinator.ts";
import { UploadDoor } from "./doors/index.ts";
import { httpApp } from "./http/http.ts";
import { portOf } from "./http/listen.ts";
import type { InviteOptions, Invites } from "./invites/invites.ts";
import type { Takers } from "./invites/takers.ts";
import { PackageTarball } from "./package/tarball.ts";
import { PageSessions } from "./pages/page-sessions.ts";
import type { Projects } from "./projects/projects.ts";
import type { CallHost } from "./views/call-host.ts";
import { Metrics } from "./views/metrics.ts";
import { WorkerSession } from "./workers/worker-session.ts";

/** A running hub. */
export class Hub {
  /** Where it is reached, without a slash at the end. */
  readonly url: string;
  /** On which it listens. */
  readonly port: number;
  readonly tls: boolean;
  readonly name: string;
  /** Settles when the hub has closed. */
  readonly closed: Promise<void>;
  readonly #resolveClosed: () => void;
  readonly #server: Server;
  readonly #reception: Reception;
  readonly #metrics: Metrics;
  readonly #secretKey: Uint8Array;
  readonly #engine: Engine;
  readonly #invites: Invites;
  readonly #takers: Takers;
  readonly #tlsPin: Uint8Array | null;
  readonly #projects: Projects;
  readonly #coordinator: Coordinator;
  readonly #limits: Limits;
  readonly #pages: PageSessions;
  readonly #workers = new WeakMap<Peer, WorkerSession>();
  #closing: Promise<void> | undefined;

  constructor(parts: {
    server: Server;
    url: string;
    tls: boolean;
    tlsPin: Uint8Array | null;
    name: string;
    secretKey: Uint8Array;
    engine: Engine;
    invites: Invites;
    takers: Takers;
    projects: Projects;
    limits: Limits;
    coordinator: (host: CallHost) => Coordinator;
  }) {
    this.#server = parts.server;
    this.url = parts.url;
    this.port = portOf(parts.server);
    this.tls = parts.tls;
    this.#tlsPin = parts.tlsPin;
    this.name = parts.name;
    this.#secretKey = parts.secretKey;
    this.#engine = parts.engine;
    this.#invites = parts.invites;
    this.#takers = parts.takers;
    this.#projects = parts.projects;
    this.#invites.onRevoked = (id) => this.#reception.peers.shutOut(id);
    this.#limits = parts.limits;
    this.#pages = new PageSessions({
      hubSecretKey: parts.secretKey,
      hubKey: publicKeyOf(parts.secretKey),
      pageSessionMs: parts.limits.pageSessionMs,
      nowMs: systemClock.wallMs,
      isRevoked: (id) => this.#invites.isRevoked(id),
    });
    let resolveClosed = () => {};
    this.closed = new Promise((resolve) => {
      resolveClosed = resolve;
    });
    this.#resolveClosed = resolveClosed;
    const usesOf = (id: string) => this.#takers.usesOf(id);
    this.#coordinator = parts.coordinator({
      name: parts.name,
      upSinceMs: systemClock.wallMs(),
      invite: async (options) => {
        const { invite, stored } = this.#makeInvite(options);
        await stored;
        return { invite, joinCommand: this.joinCommand(invite) };
      },
      invites: () => this.#reception.peers.countFor(this.#invites.list(), usesOf),
      revoke: async (idOrLabel, own) => {
        const revoked = await this.#invites.revoke(idOrLabel, own);
        this.#coordinator.custody.keepers.changed();
        return this.#reception.peers.countFor(revoked, usesOf);
      },
    });
    this.#reception = this.#receive();
    this.#metrics = new Metrics(this.#coordinator, {
      connections: () => this.#reception.peers.byRole(),
      bufferedBytes: () => this.#reception.peers.bufferedBytes,
    });
    this.#coordinator.ledger.onPressure = (pressed) => this.#reception.press(pressed);
    this.#serveHttp();
    this.#coordinator.start();
  }

  /** The coordinator, for tests. */
  get coordinator(): Coordinator {
    return this.#coordinator;
  }

  /** Bytes that wait to leave, to all peers together. */
  get bufferedBytes(): number {
    return this.#reception.peers.bufferedBytes;
  }

  /** Makes an invite: the only way in. It is soon in the list of those that can be revoked. */
  invite(options: InviteOptions): string {
    const { invite, stored } = this.#makeInvite(options);
    // Where it cannot be stored, the engine says so in `status`.
    stored.catch(() => {});
    return invite;
  }

  #makeInvite(options: InviteOptions): ReturnType<Invites["make"]> {
    this.#projects.require(options.project ?? DEFAULT_PROJECT);
    return this.#invites.make(this.url, { ...options, tlsPin: this.#tlsPin });
  }

  /** The line that makes a stranger's machine with Node a worker. */
  joinCommand(invite: string): string {
    return `${packageCommand({ url: this.url, tlsPin: this.#tlsPin })} join '${invite}'`;
  }

  /** Tells everyone, stores what was accepted, and releases everything. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #receive(): Reception {
    return new Reception(this.#server, {
      limits: this.#limits,
      pages: this.#pages,
      host: {
        name: this.name,
        hubKey: publicKeyOf(this.#secretKey),
        hubSecretKey: this.#secretKey,
        limits: this.#limits,
        isRevoked: (grantId) => this.#invites.isRevoked(grantId),
        grantOfPage: (cookie, token) => this.#pages.grantOf(cookie, token),
        nowMs: systemClock.wallMs,
      },
      seat: (peer, hello, admitClient) => this.#seat(peer, hello, admitClient),
    });
  }

  #seat(peer: Peer, hello: Hello, admitClient: () => void): PeerSession {
    const { id, role, trusted, project } = peer.grant;
    if (!this.#projects.has(project)) {
      throw new MusketeersError("UNAUTHORIZED", `The project ${project} of this invite is not on this hub`);
    }
    const takeUp = () => this.#takers.takeUp(peer.grant, hello.key, !this.#invites.isEphemeral(id));
    if (hello.worker === undefined) {
      if (role === "worker")
        throw new MusketeersError("FORBIDDEN", "An invite for workers was used as a client's");
      takeUp();
      admitClient();
      return new ClientSession(this.#coordinator, peer);
    }
    if (role !== "worker" && role !== "admin") {
      throw new MusketeersError("FORBIDDEN", `An invite for a ${role} does not let a worker join`, {
        hint: "Ask for a worker's invite: musketeers invite --role worker.",
      });
    }
    const described = hello as Hello & { worker: WorkerDescription };
    const standing = { person: takeUp(), trusted, projects: [project] };
    const session = new WorkerSession(this.#coordinator, peer, newId(), described, standing);
    this.#workers.set(peer, session);
    return session;
  }

  #serveHttp(): void {
    const app = httpApp({
      limits: this.#limits,
      blobs: this.#coordinator.custody.watched(this.#engine.blobs),
      tarball: new PackageTarball({ hubSecretKey: this.#secretKey, nowMs: systemClock.wallMs }),
      onBlobSent: (bytes) => {
        this.#coordinator.blobBytesSent += bytes;
      },
      creditOf: (token) => this.#coordinator.credit.ofPeer(this.#reception.peers.withToken(token)),
      roleOf: (token) => this.#reception.peers.withToken(token)?.provenRole,
      uploadDoor: new UploadDoor(this.#limits),
      uploadKeyOf: (token) => {
        const peer = this.#reception.peers.withToken(token);
        return peer?.provenRole === "worker" ? peer.provenGrant : undefined;
      },
      blobListenerOf: (token) => {
        const peer = this.#reception.peers.withToken(token);
        const worker = peer === undefined ? undefined : this.#workers.get(peer);
        return worker && ((cid) => this.#coordinator.shuffles.blobComes(cid, worker.leases));
      },
      mayLook: (secret) => this.#invites.mayLook(secret),
      pages: {
        sessions: this.#pages,
        grantOf: (token) => {
          const peer = this.#reception.peers.withToken(token);
          return peer?.provenRole === "worker" ? undefined : peer?.signedGrant;
        },
      },
      metrics: this.#metrics,
      unready: () => (this.#closing === undefined ? this.#engine.faults()[0]?.text : "The hub is stopping"),
    });
    this.#server.on("request", getRequestListener(app.fetch));
  }

  async #close(): Promise<void> {
    this.#coordinator.close();
    this.#metrics.close();
    await this.#reception.close(new MusketeersError("HUB_STOPPING", "The hub is stopping"));
    await this.#coordinator.credit.close();
    await this.#coordinator.traces.close();
    try {
      await this.#takers.stored();
      await this.#coordinator.referee.saved();
      await this.#engine.close();
    } finally {
      this.#resolveClosed();
    }
  }
}
