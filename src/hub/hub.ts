import type { Server } from "node:http";
import type { Socket } from "node:net";
import { isIP } from "node:net";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { WebSocketServer } from "ws";
import { type Engine, embeddedEngine, memoryEngine, type Registry } from "../engine/index.ts";
import {
  DEFAULT_PROJECT,
  defaultLimits,
  type Hello,
  type Limits,
  MusketeersError,
  toMusketeersError,
  type WorkerDescription,
} from "../protocol/index.ts";
import { createScheduler, finishRecovery, recoverRecord } from "../scheduler/index.ts";
import { LINK_PATH, newId, newSecretKey, packageCommand, publicKeyOf } from "../security/index.ts";
import { loadOrCreateKey } from "../security/node.ts";
import { type Tracer, tracerFromEnvironment } from "../tracing/index.ts";
import { type Backup, restoreBackup } from "./backup.ts";
import type { CallHost } from "./calls.ts";
import { ClientSession } from "./client-session.ts";
import { systemClock } from "./clock.ts";
import { Connections } from "./connections.ts";
import { Coordinator } from "./coordinator.ts";
import { Credit } from "./credit/index.ts";
import { Datasets } from "./datasets.ts";
import { Admission, acceptPerAddress, plainAddress, UploadDoor } from "./doors/index.ts";
import { httpApp } from "./http.ts";
import { createHttpServer, refuse } from "./http-server.ts";
import { type InviteOptions, Invites } from "./invites.ts";
import { readJournal } from "./journal/recovery.ts";
import { KEY_NAME } from "./key-name.ts";
import { LeaseSeal } from "./lease-seal.ts";
import { hostOf, lanAddress, listenOn, portOf, urlOf } from "./listen.ts";
import { Metrics } from "./metrics.ts";
import { PackageTarball } from "./package/tarball.ts";
import { isSameOrigin, PageSessions } from "./pages/page-sessions.ts";
import { Peer, type PeerHost, type PeerSession } from "./peer.ts";
import { Projects } from "./projects.ts";
import { Keepers } from "./recovery/keepers.ts";
import { recoveryNotice } from "./recovery-notice.ts";
import { Takers } from "./takers.ts";
import { openTls, ownTls, type Tls, type TlsMaterial } from "./tls.ts";
import { People, recoverPeople } from "./trust/index.ts";
import { WorkerSession } from "./worker-session.ts";

export interface HubOptions {
  /** `host:port`; port 0 picks one. */
  readonly listen?: string;
  /** The address that invites name, such as `http://192.168.0.5:7077`, where it is not what `listen` says. */
  readonly advertise?: string;
  /** Data directory; without one nothing survives the process. */
  readonly data?: string;
  readonly durability?: "default" | "strict";
  /** What to speak TLS with; `own`: a key that the hub made, which its invites pin. */
  readonly tls?: TlsMaterial | "own";
  /** Speaks plain HTTP also where others than this machine reach it; a proxy in front may speak TLS. */
  readonly insecureHttp?: boolean;
  /** A hub's backup, to go on from where its disk is lost; the data directory is new, or that hub's. */
  readonly recover?: Backup;
  /** What people see. */
  readonly name?: string;
  readonly limits?: Partial<Limits>;
  /** Where traces go; the variables of OpenTelemetry say so where nothing is said. */
  readonly tracer?: Tracer;
  /** Told about faults after which the hub closed itself. */
  readonly onFault?: (error: MusketeersError) => void;
  /** Told what an operator should know, in a sentence. */
  readonly onNotice?: (notice: string) => void;
}

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
  readonly #sockets: WebSocketServer;
  readonly #connections = new Set<Socket>();
  readonly #peers = new Connections();
  readonly #secretKey: Uint8Array;
  readonly #engine: Engine;
  readonly #invites: Invites;
  readonly #takers: Takers;
  readonly #tlsPin: Uint8Array | null;
  readonly #projects: Projects;
  readonly #coordinator: Coordinator;
  readonly #limits: Limits;
  readonly #admission: Admission<Peer>;
  readonly #pages: PageSessions;
  /** The journal does not keep up: nobody is read. */
  #pressed = false;
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
    this.#invites.onRevoked = (id) => this.#peers.shutOut(id);
    this.#limits = parts.limits;
    this.#admission = new Admission(parts.limits);
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
      invites: () => this.#peers.countFor(this.#invites.list(), usesOf),
      revoke: async (idOrLabel, own) => {
        const revoked = await this.#invites.revoke(idOrLabel, own);
        this.#coordinator.custody.keepers.changed();
        return this.#peers.countFor(revoked, usesOf);
      },
    });
    this.#coordinator.ledger.onPressure = (pressed) => {
      this.#pressed = pressed;
      for (const peer of this.#peers) {
        if (pressed) peer.pause("pressure");
        else peer.resume("pressure");
      }
    };
    this.#sockets = this.#acceptSockets();
    this.#serveHttp();
    this.#coordinator.start();
  }

  /** The coordinator, for tests. */
  get coordinator(): Coordinator {
    return this.#coordinator;
  }

  /** Bytes that wait to leave, to all peers together. */
  get bufferedBytes(): number {
    return this.#peers.bufferedBytes;
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

  #acceptSockets(): WebSocketServer {
    const sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      // Room for those that are somewhat too large to be told so; others are cut off.
      maxPayload: 2 * this.#limits.frameBytesMax,
    });
    const host: PeerHost = {
      name: this.name,
      hubKey: publicKeyOf(this.#secretKey),
      hubSecretKey: this.#secretKey,
      limits: this.#limits,
      isRevoked: (grantId) => this.#invites.isRevoked(grantId),
      grantOfPage: (cookie, token) => this.#pages.grantOf(cookie, token),
      nowMs: systemClock.wallMs,
      admit: (peer, hello) => {
        this.#admission.admitKey(peer, peer.grant.id);
        const session = this.#admit(peer, hello);
        this.#admission.admitted(peer);
        if (this.#pressed) peer.pause("pressure");
        return session;
      },
    };
    // Such as having no file descriptor left for one more connection: others go on.
    this.#server.on("error", () => {});
    acceptPerAddress(this.#server, this.#limits.connectionsPerAddressMax, refuse);
    this.#server.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    this.#server.on("upgrade", (request, socket, head) => {
      const path = request.url?.split("?", 1)[0];
      if (path !== LINK_PATH || this.#closing !== undefined) {
        socket.on("error", () => socket.destroy());
        socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", () => socket.destroy());
        return;
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const { origin, host: asked, cookie } = request.headers;
        const pageCookie = isSameOrigin(origin, asked) ? this.#pages.cookieIn(cookie) : "";
        const peer = new Peer(webSocket, host, plainAddress(request.socket.remoteAddress), pageCookie);
        this.#peers.add(peer);
        webSocket.once("close", () => {
          this.#peers.delete(peer);
          this.#admission.left(peer);
        });
        this.#admission.arrived(peer);
      });
    });
    return sockets;
  }

  #admit(peer: Peer, hello: Hello): PeerSession {
    const { id, role, trusted, project } = peer.grant;
    if (!this.#projects.has(project)) {
      throw new MusketeersError("UNAUTHORIZED", `The project ${project} of this invite is not on this hub`);
    }
    const takeUp = () => this.#takers.takeUp(peer.grant, hello.key, !this.#invites.isEphemeral(id));
    if (hello.worker === undefined) {
      if (role === "worker")
        throw new MusketeersError("FORBIDDEN", "An invite for workers was used as a client's");
      takeUp();
      this.#admission.admitClient(peer);
      return new ClientSession(this.#coordinator, peer);
    }
    if (role !== "worker" && role !== "admin") {
      throw new MusketeersError("FORBIDDEN", `An invite for a ${role} does not let a worker join`, {
        hint: "Ask for a worker's invite: musketeers invite --role worker.",
      });
    }
    const described = hello as Hello & { worker: WorkerDescription };
    const standing = { person: takeUp(), trusted, projects: [project] };
    return new WorkerSession(this.#coordinator, peer, newId(), described, standing);
  }

  #serveHttp(): void {
    const app = httpApp({
      limits: this.#limits,
      blobs: this.#engine.blobs,
      tarball: new PackageTarball({ hubSecretKey: this.#secretKey, nowMs: systemClock.wallMs }),
      onBlobSent: (bytes) => {
        this.#coordinator.blobBytesSent += bytes;
      },
      creditOf: (token) => this.#coordinator.credit.ofPeer(this.#peers.withToken(token)),
      roleOf: (token) => this.#peers.withToken(token)?.provenRole,
      uploadDoor: new UploadDoor(this.#limits),
      uploadKeyOf: (token) => {
        const peer = this.#peers.withToken(token);
        return peer?.provenRole === "worker" ? peer.provenGrant : undefined;
      },
      mayLook: (secret) => this.#invites.mayLook(secret),
      pages: {
        sessions: this.#pages,
        grantOf: (token) => {
          const peer = this.#peers.withToken(token);
          return peer?.provenRole === "worker" ? undefined : peer?.signedGrant;
        },
      },
      metrics: new Metrics(this.#coordinator, {
        connections: () => this.#peers.byRole(),
        bufferedBytes: () => this.#peers.bufferedBytes,
      }),
      unready: () => (this.#closing === undefined ? this.#engine.faults()[0]?.text : "The hub is stopping"),
    });
    this.#server.on("request", getRequestListener(app.fetch));
  }

  async #close(): Promise<void> {
    const goodbye = new MusketeersError("HUB_STOPPING", "The hub is stopping");
    this.#coordinator.close();
    this.#peers.failAll(goodbye);
    const httpClosed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const grace = setTimeout(() => {
      for (const socket of this.#connections) socket.destroy();
    }, this.#limits.hubCloseGraceMs);
    this.#server.closeIdleConnections();
    await httpClosed;
    clearTimeout(grace);
    this.#sockets.close();
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

async function openEngine(
  { data, durability, onNotice }: HubOptions,
  limits: Limits,
  onLost: (error: MusketeersError) => void,
): Promise<Engine> {
  if (data === undefined) return memoryEngine({ limits });
  const engine = await embeddedEngine(data, { durability: durability ?? "default", limits, onLost });
  if (engine.recovery !== undefined) onNotice?.(recoveryNotice(engine.recovery));
  return engine;
}

async function recoverInto(data: string | undefined, backup: Backup): Promise<void> {
  if (data !== undefined) return restoreBackup(data, backup);
  throw new MusketeersError("BAD_ARGUMENT", "A hub that keeps nothing on disk cannot be recovered");
}

const ADDRESS_KEY = "address";

/** Notes the address that invites name, so that a recovered hub can say where it has to be. */
async function noteAddress(registry: Registry, url: string, options: HubOptions): Promise<void> {
  const before = await registry.get(ADDRESS_KEY);
  const known = before === undefined ? undefined : new TextDecoder().decode(before.value);
  if (known === url) return;
  if (known !== undefined && options.recover !== undefined) {
    options.onNotice?.(
      `invites of before name ${known}, and this hub is at ${url}: ` +
        "they are good as soon as that address leads here (--listen, --advertise)",
    );
    return;
  }
  await registry.put(ADDRESS_KEY, new TextEncoder().encode(url));
}

/** Who may come in, and to what. */
async function openDoors(registry: Registry, secretKey: Uint8Array, limits: Limits) {
  const { wallMs } = systemClock;
  const invites = await Invites.open(registry, secretKey, wallMs, limits);
  const takers = await Takers.open(registry, limits, wallMs);
  const projects = await Projects.open(registry, limits, wallMs);
  return { invites, takers, projects };
}

/** Listens; says the address that invites are to name, without a slash at its end. */
async function openAddress(
  server: Server,
  listen: string,
  tls: Tls | undefined,
  registry: Registry,
  options: HubOptions,
): Promise<string> {
  const address = await listenOn(server, listen);
  const own = urlOf(address, tls === undefined ? "http" : "https");
  const url = (options.advertise ?? own).replace(/\/+$/, "");
  // Where it cannot be stored, the engine says so in `status`.
  await noteAddress(registry, url, options).catch(() => {});
  return url;
}

/**
 * What a hub speaks TLS with; undefined where it speaks plain HTTP.
 * @throws MusketeersError `BAD_ARGUMENT` where that would go over a network unasked, or the certificate is none
 */
async function tlsOf({ tls, data, insecureHttp }: HubOptions, listen: string): Promise<Tls | undefined> {
  const { host, isLoopback } = hostOf(listen);
  if (tls === "own") {
    const named = ["localhost", "127.0.0.1", lanAddress(), isIP(host) === 0 ? host : undefined];
    const hosts = named.filter((name) => name !== undefined);
    return ownTls(data, [...new Set(hosts)], systemClock.wallMs());
  }
  if (tls !== undefined) return openTls(tls);
  if (isLoopback || insecureHttp === true) return undefined;
  throw new MusketeersError(
    "BAD_ARGUMENT",
    `Others could read and change what goes to ${listen}: it is no TLS`,
    {
      hint: "Add --tls for a key that invites pin, --tls-cert and --tls-key for a certificate of yours, or --insecure-http, such as for a proxy in front that speaks TLS.",
    },
  );
}

function hubTracer({ onNotice }: HubOptions, limits: Limits): Tracer | undefined {
  const onFault = (error: unknown) => onNotice?.(`traces: ${toMusketeersError(error).message}`);
  return tracerFromEnvironment(process.env, { service: "musketeers-hub", limits, onFault });
}

/**
 * Starts a hub: takes up what its data directory holds, then listens.
 * @throws MusketeersError `ADDRESS_IN_USE`, `DATA_IN_USE`, `JOURNAL_CORRUPT`, `BAD_ARGUMENT`, `STORAGE`.
 */
export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const { data } = options;
  let hub: Hub | undefined;
  const onFault = (thrown: unknown) => {
    options.onFault?.(toMusketeersError(thrown));
    hub?.close().catch(() => {});
  };
  if (options.recover !== undefined) await recoverInto(data, options.recover);
  const engine = await openEngine(options, limits, onFault);
  let server: Server | undefined;
  try {
    const listen = options.listen ?? "127.0.0.1:7077";
    const tls = await tlsOf(options, listen);
    server = createHttpServer(limits, tls);
    const secretKey = data === undefined ? newSecretKey() : await loadOrCreateKey(join(data, KEY_NAME));
    const doors = await openDoors(engine.registry, secretKey, limits);
    const { invites, projects } = doors;
    const recovering = createScheduler(limits);
    const { jobs, records: recordsRead } = await readJournal(engine, limits, (record) =>
      recoverRecord(recovering, record),
    );
    const { registry, blobs } = engine;
    const datasets = await Datasets.open({ registry, blobs, limits, wallMs: systemClock.wallMs });
    const credit = await Credit.open({ registry, limits, wallMs: systemClock.wallMs });
    const keepers = await Keepers.open({
      secretKey,
      registry,
      blobs,
      datasets,
      invites,
      limits,
      wallMs: systemClock.wallMs,
      recover: options.recover !== undefined,
      onNotice: options.onNotice ?? (() => {}),
    });
    await recoverPeople(registry, recovering);
    const people = new People(registry, limits.peopleSaveMs, onFault);
    const scheduler = finishRecovery(recovering, systemClock.nowMs());
    const url = await openAddress(server, listen, tls, engine.registry, options);
    hub = new Hub({
      server,
      url,
      tls: tls !== undefined,
      tlsPin: tls?.pin ?? null,
      name: options.name ?? "hub",
      secretKey,
      engine,
      ...doors,
      limits,
      coordinator: (callHost) =>
        new Coordinator({
          engine,
          limits,
          clock: systemClock,
          seal: new LeaseSeal(secretKey),
          scheduler,
          jobs,
          datasets,
          projects,
          keepers,
          credit,
          people,
          recordsRead,
          callHost,
          tracer: options.tracer ?? hubTracer(options, limits),
          onFault,
        }),
    });
    return hub;
  } catch (error) {
    server?.close();
    await engine.close();
    throw error;
  }
}
