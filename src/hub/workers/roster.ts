import { countOf, type Limits, MusketeersError, type PresentedLease } from "../../protocol/index.ts";
import type { SchedulerEffect, SchedulerEvent, Untimed } from "../../scheduler/index.ts";
import type { JobTraces } from "../jobs/job-traces.ts";
import type { Leases } from "../leases/leases.ts";
import type { Live } from "../live/index.ts";
import type { Peers } from "../peers/peers.ts";
import type { Custody } from "../recovery/custody.ts";
import type { Consents } from "./consents.ts";
import type { Return } from "./worker-return.ts";
import type { WorkerSession } from "./worker-session.ts";

export interface RosterHost {
  readonly limits: Pick<Limits, "workersMax">;
  /** By the name that the scheduler knows each by. */
  readonly workers: Map<string, WorkerSession>;
  readonly leases: Pick<Leases, "open">;
  readonly custody: Pick<Custody, "keepers" | "left">;
  readonly consents: Pick<Consents, "workerReady" | "workerGone">;
  readonly traces: Pick<JobTraces, "workerGone">;
  readonly peers: Pick<Peers, "leave">;
  readonly live: Pick<Live, "segments">;
  /** Tells the scheduler, and says what it decides, which is performed by `perform`. */
  step(event: Untimed<SchedulerEvent>): SchedulerEffect[];
  perform(effects: readonly SchedulerEffect[]): void;
  /** Both. */
  feed(event: Untimed<SchedulerEvent>): void;
}

/** The connected workers: who comes, comes back, is heard and leaves. */
export class Roster {
  readonly #workers: Map<string, WorkerSession>;
  readonly #host: RosterHost;

  constructor(host: RosterHost) {
    this.#host = host;
    this.#workers = host.workers;
  }

  /**
   * Before a worker joins: finds out what its leases prove, and what is left of its connections of before.
   * @throws MusketeersError `TOO_MANY`
   */
  makeRoom(presented: readonly PresentedLease[], holder: string): Return {
    const proven = presented.flatMap(({ lease, from }) => {
      const opened = this.#host.leases.open(lease, holder);
      return opened?.current === true ? [{ lease, from, descriptor: opened.descriptor }] : [];
    });
    const replaced = new Set(proven.flatMap(({ descriptor }) => this.#workers.get(descriptor.worker) ?? []));
    const { workersMax } = this.#host.limits;
    if (this.#workers.size - replaced.size >= workersMax) {
      throw new MusketeersError("TOO_MANY", `The hub has ${workersMax} workers already (workersMax)`);
    }
    for (const session of replaced) {
      // The scheduler hears of it when the worker joins again, so that nobody gets its leases in between.
      this.#forget(session.worker);
      session.terminate();
    }
    return { proven, replaces: [...replaced].map((session) => session.worker) };
  }

  /** Enters a worker without giving it work yet; says which of its old leases go on. */
  joined(session: WorkerSession, { proven, replaces }: Return): readonly string[] {
    const { worker } = session;
    const adopted: string[] = [];
    this.#workers.set(worker, session);
    const description = { ...session.description, slots: 0 };
    const effects = this.#host.step({
      type: "WorkerJoined",
      worker,
      description,
      replaces,
      presented: proven,
    });
    const answers = effects.filter(({ type }) => type === "AdoptLease" || type === "RefuseLease");
    for (const [at, { lease: id, from, descriptor }] of proven.entries()) {
      const answer = answers[at];
      if (answer?.type !== "AdoptLease") continue;
      const count = countOf(descriptor.ranges);
      session.open({ lease: answer.lease, id, descriptor, reported: from, count, copy: false });
      adopted.push(id);
    }
    this.#host.perform(effects);
    return adopted;
  }

  /** Its welcome is out: from now on it may get work. */
  ready(session: WorkerSession): void {
    const { custody, consents } = this.#host;
    this.heard(session, session.description.slots);
    if (session.description.sandbox === "trusted") custody.keepers.joined(session);
    consents.workerReady(session);
  }

  heard(session: WorkerSession, slots: number): void {
    this.#host.feed({ type: "WorkerHeard", worker: session.worker, slots });
  }

  /** While nobody is read nobody's silence means anything. */
  hearAll(): void {
    for (const worker of this.#workers.keys()) this.#host.feed({ type: "WorkerHeard", worker });
  }

  drain(session: WorkerSession): void {
    this.#host.feed({ type: "WorkerDraining", worker: session.worker });
    session.drain();
  }

  gone(session: WorkerSession, reason: "left" | "dropped"): void {
    const { worker } = session;
    if (this.#workers.get(worker) !== session) return;
    this.#forget(worker);
    this.#host.consents.workerGone(worker);
    this.#host.feed({ type: "WorkerLost", worker, reason });
  }

  /** The scheduler has given a worker up. */
  drop(worker: string): void {
    const session = this.#workers.get(worker);
    this.#forget(worker);
    session?.terminate();
  }

  /** Everything but what the scheduler knows of a worker. */
  #forget(worker: string): void {
    const { traces, peers, custody, live } = this.#host;
    const session = this.#workers.get(worker);
    session?.suspend();
    traces.workerGone(session?.leases ?? []);
    this.#workers.delete(worker);
    peers.leave(worker);
    custody.left(worker);
    live.segments.forget(worker);
  }
}
