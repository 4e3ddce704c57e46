import { base64url } from "multiformats/bases/base64";
import {
  countOf,
  type EnrolledWorker,
  eachRecord,
  type ForgetMessage,
  type Hello,
  type HubToKeeper,
  type LeaseMessage,
  type Limits,
  MusketeersError,
  type NearMessage,
  type PresentedLease,
  type ProgressMessage,
  projectOf,
  RecordReader,
  type ReturnMessage,
  type SaveMessage,
  type SessionMessage,
  type Standing,
  type TaskSpec,
  type WorkerDescription,
} from "../../protocol/index.ts";
import type { LeaseDescriptor, LeaseNo, ReplicaHost } from "../../scheduler/index.ts";
import type { Peer, PeerSession } from "../connections/peer.ts";
import { type Claim, Claims, type Credit } from "../credit/index.ts";
import { WorkerDoor } from "../doors/index.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { OpenLease } from "../leases/open-lease.ts";
import type { Peers } from "../peers/peers.ts";
import type { ProjectBooks } from "../projects/project-books.ts";
import type { Custody } from "../recovery/custody.ts";
import type { Keeper } from "../recovery/keepers.ts";
import type { Shuffles } from "../shuffle/index.ts";
import type { Referee } from "../trust/index.ts";
import type { Consents } from "./consents.ts";
import type { TaskLogs } from "./task-logs.ts";
import type { Return } from "./worker-return.ts";

/** What of the hub the sessions of workers reach. */
export interface WorkerHost {
  readonly limits: Limits;
  readonly jobs: Jobs;
  readonly workers: ReadonlyMap<string, WorkerSession>;
  readonly roster: Roster;
  readonly leases: Leases;
  readonly logs: Pick<TaskLogs, "add">;
  readonly credit: Pick<Credit, "resume" | "suspend" | "accepted">;
  readonly consents: Pick<Consents, "asked">;
  readonly custody: Pick<Custody, "keepers" | "replicas">;
  readonly peers: Pick<Peers, "whereabouts" | "holds" | "locate">;
  readonly books: Pick<ProjectBooks, "workerReady">;
  readonly referee: Pick<Referee, "comparer">;
  readonly shuffles: Pick<Shuffles, "check">;
  wallMs(): number;
}

/** Who is here, as far as sessions have their part in it. */
interface Roster {
  makeRoom(presented: readonly PresentedLease[], holder: string): Return;
  joined(session: WorkerSession, before: Return): readonly string[];
  ready(session: WorkerSession): void;
  heard(session: WorkerSession, slots: number): void;
  gone(session: WorkerSession, reason: "left" | "dropped"): void;
}

/** Where what workers say of their leases goes. */
interface Leases {
  open(id: string, holder: string): { descriptor: LeaseDescriptor; current: boolean } | undefined;
  send(session: WorkerSession, open: OpenLease): void;
  progressed(session: WorkerSession, open: OpenLease, message: ProgressMessage, body: Uint8Array): void;
  cameLate(session: WorkerSession, of: LeaseDescriptor, message: ProgressMessage, body: Uint8Array): void;
  returned(session: WorkerSession, open: OpenLease, message: ReturnMessage): void;
  stateSaved(descriptor: LeaseDescriptor, position: number, body: Uint8Array): void;
}

/** A name that no connected worker has: the wished one, or with a number behind it. */
function uniqueName(wished: string, workers: Iterable<WorkerSession>): string {
  const taken = new Set(Array.from(workers, ({ name }) => name));
  let name = wished;
  for (let number = 2; taken.has(name); number++) name = `${wished}-${number}`;
  return name;
}

/** One connected worker. */
export class WorkerSession implements PeerSession, Keeper, ReplicaHost {
  readonly worker: string;
  readonly description: EnrolledWorker;
  readonly connectedAtMs: number;
  /** Whose leases it may use: those of whoever came with its invite and its key. */
  readonly holder: string;
  readonly identity: string;
  readonly #peer: Peer;
  readonly #hub: WorkerHost;
  readonly #door: WorkerDoor;
  readonly #claims: Claims;
  readonly #byId = new Map<string, OpenLease>();
  readonly #byNo = new Map<LeaseNo, OpenLease>();
  adopted: readonly string[] = [];
  inputsDone = 0;
  inputsFailed = 0;
  memoryUsedBytes = 0;
  load = 0;
  #left = false;
  #started = false;
  /** What is to be said about adopted leases as soon as the worker knows that they are. */
  readonly #early: object[] = [];
  #deferred: OpenLease[] = [];
  readonly #acks = new Map<string, number>();
  #ackTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    hub: WorkerHost,
    peer: Peer,
    worker: string,
    hello: Hello & { worker: WorkerDescription },
    standing: Standing,
  ) {
    this.#hub = hub;
    this.#peer = peer;
    this.worker = worker;
    const { limits } = hub;
    const { slots } = hello.worker;
    this.#door = new WorkerDoor({ limits, slots, refused: () => peer.refused() });
    this.#claims = new Claims(hello.worker);
    this.connectedAtMs = hub.wallMs();
    const key = base64url.baseEncode(hello.key);
    this.holder = `${peer.grant.id}.${key}`;
    // Others may be called the same; its own name may be taken by its old connection when it comes back.
    this.identity = `${key} ${hello.worker.name}`;
    const before = hub.roster.makeRoom(hello.leases, this.holder);
    const name = uniqueName(hello.worker.name, hub.workers.values());
    this.description = { ...hello.worker, ...standing, name };
    this.adopted = hub.roster.joined(this, before);
  }

  /** Dropped, or replaced by another of its connections: what it still says is nobody's word. */
  get #isForgotten(): boolean {
    return this.#hub.workers.get(this.worker) !== this;
  }

  get person(): string {
    return this.description.person;
  }

  start(): void {
    this.#started = true;
    for (const header of this.#early.splice(0)) this.#peer.send(header);
    this.#hub.roster.ready(this);
    this.#hub.referee.comparer.arrived(this);
    this.#hub.books.workerReady(this);
  }

  /** Sends what may have to wait for the welcome. */
  #tell(header: object): void {
    if (this.#started) this.#peer.send(header);
    else this.#early.push(header);
  }

  onMessage(message: SessionMessage, body: Uint8Array): void {
    switch (message.type) {
      case "progress":
        this.#progress(message, body);
        break;
      case "return": {
        const lease = this.#byId.get(message.lease);
        if (lease === undefined) this.#hub.referee.comparer.returned(this, message.lease);
        else this.#hub.leases.returned(this, lease, message);
        break;
      }
      case "heartbeat":
        this.memoryUsedBytes = message.memoryBytes;
        this.load = message.load;
        this.#hub.roster.heard(this, message.slots);
        break;
      case "log": {
        // Lines may come behind the last result.
        const job = this.#byId.get(message.lease)?.descriptor.job ?? this.#jobOfLate(message.lease);
        const { kept, dropped } = this.#door.log(body);
        if (job !== undefined && kept) {
          this.#logged(job, message.dropped + dropped, body);
        }
        break;
      }
      case "save":
        this.#save(message, body);
        break;
      case "whereabouts":
        if (this.#isForgotten) break;
        this.#hub.peers.whereabouts(this.worker, message, this.#peer.address);
        break;
      case "holds":
        if (this.#isForgotten) break;
        this.#hub.peers.holds(this.worker, message);
        this.#hub.custody.keepers.holds(this.worker);
        break;
      case "locate":
        if (this.#isForgotten) break;
        this.#peer.send(this.#hub.peers.locate(this.worker, message));
        break;
      case "catalogue":
        this.#hub.custody.keepers.catalogue(this.worker, body);
        break;
      case "accounts":
        this.#hub.custody.keepers.accounts(this.worker, body);
        break;
      case "uploaded":
        this.#hub.custody.keepers.uploaded(this.worker, message.call);
        break;
      case "kept":
        // Strangers may not be asked to keep anything.
        if (this.description.sandbox === "trusted") this.#hub.custody.replicas.kept(this, message);
        break;
      case "asked":
        this.#hub.consents.asked(this.worker, message.job);
        break;
      case "leave":
      case "goodbye":
        this.#left = true;
        break;
      case "submit":
      case "inputs":
      case "watch":
      case "credit":
      case "unwatch":
      case "follow":
      case "unfollow":
      case "cancel":
      case "call":
        throw new MusketeersError("FORBIDDEN", `A worker may not send ${message.type}`);
    }
  }

  onClose(): void {
    clearTimeout(this.#ackTimer);
    this.#hub.referee.comparer.left(this);
    this.#hub.roster.gone(this, this.#left ? "left" : "dropped");
  }

  onCongestion(congested: boolean): void {
    if (congested) return;
    this.#sendAcks();
    for (const open of this.#deferred.splice(0)) this.#hub.leases.send(this, open);
  }

  /** Whether a unit has to wait until the worker has taken in what was sent before. */
  defers(open: OpenLease): boolean {
    if (this.#peer.congested) this.#deferred.push(open);
    return this.#peer.congested;
  }

  /** Remembers a lease that the scheduler gave to this worker. */
  open(lease: OpenLease): void {
    this.#byId.set(lease.id, lease);
    this.#byNo.set(lease.lease, lease);
    this.#claims.opened(lease.id, this.#hub.credit.resume(lease.id));
  }

  forget(lease: LeaseNo): OpenLease | undefined {
    const open = this.#byNo.get(lease);
    if (open === undefined) return undefined;
    this.#byNo.delete(lease);
    this.#byId.delete(open.id);
    this.#claims.closed(open.id);
    return open;
  }

  get leases(): Iterable<OpenLease> {
    return this.#byNo.values();
  }

  has(lease: LeaseNo): boolean {
    return this.#byNo.has(lease);
  }

  /** Sends a unit, in parts where it is large. */
  sendUnit(
    lease: Pick<OpenLease, "id" | "count" | "trace">,
    task: LeaseMessage["task"],
    inputs: Uint8Array,
  ): void {
    const { id, count } = lease;
    const trace = lease.trace === undefined ? {} : { trace: lease.trace };
    const { unitPartBytesTarget } = this.#hub.limits;
    if (inputs.length <= unitPartBytesTarget) {
      this.#peer.send({ type: "lease", lease: id, task, count, from: 0, part: count, ...trace }, inputs);
      return;
    }
    const reader = new RecordReader(inputs);
    let from = 0;
    while (from < count) {
      const start = reader.offset;
      let part = 0;
      while (from + part < count && reader.offset - start < unitPartBytesTarget) part += reader.skip(1);
      const bytes = inputs.subarray(start, reader.offset);
      this.#peer.send({ type: "lease", lease: id, task, count, from, part, ...trace }, bytes);
      from += part;
    }
  }

  trim(lease: LeaseNo, keep: number): void {
    const open = this.#byNo.get(lease);
    if (open !== undefined) this.#tell({ type: "trim", lease: open.id, keep });
  }

  revoke(lease: LeaseNo, reason: string): void {
    const open = this.forget(lease);
    if (open !== undefined) this.#tell({ type: "revoke", lease: open.id, reason });
  }

  /** Tells the worker a little later, with others: until then it merely keeps what it could send again. */
  ack(lease: string, upTo: number): void {
    this.#acks.set(lease, upTo);
    this.#ackTimer ??= setTimeout(() => {
      this.#ackTimer = undefined;
      this.#sendAcks();
    }, this.#hub.limits.receiptDelayMs);
  }

  /** Of a worker that does not read they wait, each lease's latest. */
  #sendAcks(): void {
    if (this.#peer.congested) return;
    for (const [id, position] of this.#acks) this.#peer.send({ type: "ack", lease: id, upTo: position });
    this.#acks.clear();
  }

  /** Has it ask its volunteer whether it may run something. */
  ask(job: string, task: TaskSpec): void {
    this.#tell({ type: "ask", job, task });
  }

  tellRevoked(list: Uint8Array): void {
    this.#tell({ type: "revocations", list });
  }

  drain(): void {
    this.#peer.send({ type: "drain" });
  }

  /** What concerns the blobs that it keeps and those that it will need. */
  near(message: NearMessage | ForgetMessage): void {
    this.#tell(message);
  }

  get name(): string {
    return this.description.name;
  }

  keep(cids: readonly string[]): void {
    this.#peer.send({ type: "keep", cids });
  }

  /** What concerns it as one who keeps things for the hub. */
  entrust(message: HubToKeeper, body?: Uint8Array): void {
    this.#peer.send(message, body);
  }

  /** Closes the connection with a reason. */
  fail(error: MusketeersError): void {
    this.#peer.fail(error);
  }

  terminate(): void {
    this.#peer.terminate();
  }

  /** Keeps and passes on what a task printed. */
  #logged(job: string, dropped: number, lines: Uint8Array): void {
    const { jobs, logs } = this.#hub;
    const entry = jobs.get(job)?.submission;
    if (entry === undefined) return;
    const worker = this.name;
    logs.add(entry.spec.job, worker, dropped, lines);
    for (const watch of entry.watches) {
      watch.log({ type: "joblog", job: entry.spec.job, worker, dropped }, lines);
    }
  }

  /** What it may claim for each input of the block that came last. */
  get claim(): Claim {
    return {
      person: this.description.person,
      label: this.#peer.grant.label,
      seconds: this.#claims.secondsPerInput,
    };
  }

  /** The hub has lost it; it may come back, and what it works on has not stopped. */
  suspend(): void {
    this.#hub.credit.suspend(this.#claims.open);
  }

  /** So many inputs of the block that came last were accepted as its own work. */
  earned(job: string, inputs: number): void {
    const entry = this.#hub.jobs.get(job);
    if (entry === undefined) return;
    const { person, label, seconds } = this.claim;
    const project = projectOf(entry.spec);
    this.#hub.credit.accepted({ job, project }, { person, label, seconds: seconds * inputs }, inputs);
  }

  #jobOfLate(lease: string): string | undefined {
    const late = this.#hub.leases.open(lease, this.holder);
    return late?.current === true ? late.descriptor.job : undefined;
  }

  /** Of a lease that is no more nobody needs to know how far it came. */
  #save({ lease, position }: SaveMessage, body: Uint8Array): void {
    const { inlineValueBytesMax } = this.#hub.limits;
    const state = [...eachRecord(body)];
    if (state.length !== 1 || state[0]!.length > inlineValueBytesMax) {
      throw new MusketeersError("PROTOCOL", "A state that is not one record, or too large");
    }
    const open = this.#byId.get(lease);
    if (open === undefined || position < open.reported || position >= open.count) return;
    this.#hub.leases.stateSaved(open.descriptor, position, body);
  }

  #progress(message: ProgressMessage, body: Uint8Array): void {
    this.#door.results(body);
    if (this.#hub.referee.comparer.took(this, message, body)) return;
    this.#claims.came(message);
    const end = message.from + message.count;
    const open = this.#byId.get(message.lease);
    if (open !== undefined) {
      this.#hub.shuffles.check(open.descriptor, message, body);
      // A gap would be told to be stored although nobody ever had it.
      if (message.from > open.reported || end > open.count) {
        throw new MusketeersError("PROTOCOL", "Results that do not follow those before, or nobody asked for");
      }
      open.reported = Math.max(open.reported, end);
      if (message.done || open.reported === open.count) this.forget(open.lease);
      this.#hub.leases.progressed(this, open, message, body);
      return;
    }
    const late = this.#hub.leases.open(message.lease, this.holder);
    if (late === undefined) {
      throw new MusketeersError("PROTOCOL", "Results for a lease that this hub never gave to this worker");
    }
    const { descriptor, current } = late;
    if (end > countOf(descriptor.ranges)) throw new MusketeersError("PROTOCOL", "More results than inputs");
    this.#hub.shuffles.check(descriptor, message, body);
    // Of a job that is forgotten nobody wants results; the worker need not keep them.
    if (current) this.#hub.leases.cameLate(this, descriptor, message, body);
    else this.ack(message.lease, end);
  }
}
