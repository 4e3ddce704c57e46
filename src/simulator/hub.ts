import { countOf, type ReturnReason, sliceRanges } from "../protocol/index.ts";
import {
  createScheduler,
  type EffectOf,
  finishRecovery,
  type JobSnapshot,
  jobIds,
  jobSnapshot,
  type LeaseDescriptor,
  type LeaseNo,
  recoverRecord,
  type Scheduler,
  type SchedulerEffect,
  type SchedulerEvent,
  step,
} from "../scheduler/index.ts";
import { checkScheduler, checkSessions } from "./checks/checks.ts";
import { packInputs } from "./checks/records.ts";
import type { Stored } from "./checks/stored.ts";
import { Witness } from "./checks/witness.ts";
import { Custody } from "./datasets/custody.ts";
import { Nearness } from "./datasets/nearness.ts";
import { Life } from "./environment/life.ts";
import type { Link } from "./environment/link.ts";
import { Intake } from "./hub/intake.ts";
import { SimulatedJournal } from "./hub/journal.ts";
import { leaseId, openLeaseId } from "./hub/lease-id.ts";
import { Outputs } from "./hub/outputs.ts";
import { enterResults, loseRecords } from "./hub/results.ts";
import { Roster } from "./hub/roster.ts";
import { SavedStates } from "./hub/saved-states.ts";
import type { Machine } from "./machine.ts";
import { newOpenLease, type OpenLease, type Report, Session } from "./session.ts";
import { Referee, type Source } from "./trust/referee.ts";
import type { World } from "./world.ts";

const HEADER_BYTES = 100;
const STALL_GRACE_MS = 250;

/** The hub's shell around the real scheduler: feeds it what arrives, performs what it decides, in order. */
export class Hub {
  readonly world: World;
  readonly journal: SimulatedJournal;
  readonly intake: Intake;
  readonly outputs: Outputs;
  readonly custody: Custody;
  readonly #nearness: Nearness;
  readonly #life: Life;
  readonly #referee: Referee;
  readonly sessions: Roster;
  #links = new Set<Link>();
  readonly saved: SavedStates;
  /** Jobs that are over, of which nobody has heard yet that the journal knows it. */
  #ending = new Map<string, EffectOf<"EndJob">["state"]>();
  readonly #witness: Witness | undefined;
  state: Scheduler;
  up = true;
  /** Records that its last crash cost; all of them with its disk. */
  #lost = 0;
  #names = 0;
  steps = 0;
  leases = 0;
  copies = 0;
  trims = 0;
  crashes = 0;
  leasesPeak = 0;

  constructor(world: World, appendMs: () => number, keeps: boolean) {
    const { queue, scenario, limits } = world;
    this.world = world;
    this.sessions = new Roster(world);
    this.#witness = world.check === "tick" ? new Witness() : undefined;
    this.journal = new SimulatedJournal({
      queue,
      appendMs,
      keeps,
      scenario: scenario.hub ?? {},
      onAppended: (record) => this.#witness?.appended(record),
      pendingBytesMax: limits.appendBytesPendingMax,
      awakeMs: () => this.intake.stalledUntilMs,
    });
    this.intake = new Intake(queue, scenario.hub?.messageMs ?? 0, () => this.journal.pressedUntilMs);
    this.outputs = new Outputs({
      world,
      journal: this.journal,
      connected: () => new Set(Array.from(this.sessions, ({ machine }) => machine.disk)),
      feed: (event) => this.#feed(event),
    });
    this.#life = new Life(queue);
    const later = (delayMs: number, then: () => void) => this.#life.later(delayMs, then);
    this.custody = new Custody(world, later);
    this.#referee = new Referee({ world, journal: this.journal, outputs: this.outputs, later });
    this.#nearness = new Nearness(world, this.custody, (event) => this.#feed(event));
    this.saved = new SavedStates({ world, journal: this.journal, state: () => this.state });
    this.state = createScheduler(world.limits);
  }

  get #nowMs(): number {
    return this.world.queue.nowMs;
  }

  // What clients do.

  submit(number: number): void {
    const { spec } = this.world.plans[number]!;
    this.journal.append({ type: "submitted", spec });
    this.#feed({ type: "JobSubmitted", nowMs: this.#nowMs, spec });
  }

  append(number: number, count: number): void {
    const plan = this.world.plans[number]!;
    const { spec, scenario } = plan;
    const bytes = count * (scenario.inputBytes ?? HEADER_BYTES);
    this.world.traffic.count("inputs", this.world.queue.nowMs);
    this.journal.append({ type: "inputs", job: spec.job, count, bytes }, undefined, bytes);
    const intake = plan.map ?? plan;
    const size = this.state.jobs.get(intake.spec.job)?.size ?? 0;
    this.#nearness.inputs(intake, size, size + count);
    this.#feed({ type: "InputsAppended", nowMs: this.#nowMs, job: spec.job, count, bytes });
  }

  seal(number: number): void {
    const { spec } = this.world.plans[number]!;
    this.journal.append({ type: "sealed", job: spec.job });
    this.#feed({ type: "InputsSealed", nowMs: this.#nowMs, job: spec.job });
  }

  cancel(number: number): void {
    const { job } = this.world.plans[number]!.spec;
    this.#feed({ type: "JobCancelled", nowMs: this.#nowMs, job, reason: "its client says so" });
  }

  /** What is not said stays as it is. */
  adjust(number: number, change: { readonly paused?: boolean; readonly priority?: number }): void {
    const { job } = this.world.plans[number]!.spec;
    this.#feed({ type: "JobAdjusted", nowMs: this.#nowMs, job, ...change });
  }

  /** Whether a job that is no more among the scheduler's is about to be stored as ended. */
  isEnding(job: string): boolean {
    return this.#ending.has(job);
  }

  // What machines do.

  /** The end of a link that is the hub's. */
  readonly end = {
    deliver: (action: () => void) => this.intake.read(action),
    closed: (link: Link) => this.intake.read(() => this.#gone(link)),
  };

  /** A connection is made; the handshake follows. False: nobody listens. */
  accept(link: Link): boolean {
    if (this.up) this.#links.add(link);
    return this.up;
  }

  hello(machine: Machine, link: Link, presented: readonly { lease: string; from: number }[]): void {
    const { nowMs } = this.world.queue;
    const proven = presented.map(({ lease, from }) => ({ lease, from, descriptor: openLeaseId(lease) }));
    const replaced = new Set(proven.flatMap(({ descriptor }) => this.sessions.get(descriptor.worker) ?? []));
    if (this.sessions.size - replaced.size >= this.world.limits.workersMax) {
      link.close("hub");
      return;
    }
    for (const before of replaced) {
      this.#forget(before);
      before.link.close("hub");
    }
    const session = new Session(this, machine, link, `worker-${++this.#names}`, nowMs);
    const { worker } = session;
    this.sessions.add(session);
    const replaces = Array.from(replaced, (before) => before.worker);
    const description = { ...session.description, slots: 0 };
    const effects = this.#step({
      type: "WorkerJoined",
      nowMs: this.#nowMs,
      worker,
      description,
      replaces,
      presented: proven,
    });
    const answers = effects.filter(({ type }) => type === "AdoptLease" || type === "RefuseLease");
    const adopted: string[] = [];
    for (const [at, { lease, from, descriptor }] of proven.entries()) {
      const answer = answers[at];
      if (answer?.type !== "AdoptLease") continue;
      session.open(newOpenLease(answer.lease, lease, descriptor, from));
      adopted.push(lease);
      this.#witness?.adopted(descriptor);
    }
    this.#perform(effects);
    link.send("machine", "welcome", 300, () => machine.welcomed(link, adopted));
    this.custody.joined(session);
    this.#feed({ type: "WorkerHeard", nowMs: this.#nowMs, worker, slots: session.description.slots });
  }

  /** Anything for a session that the hub still knows. */
  fromMachine(link: Link, action: (session: Session) => void): void {
    const session = this.sessions.ofLink(link);
    if (session !== undefined) action(session);
  }

  /** A heartbeat that says something, or the last one before silence. */
  heard(link: Link, slots?: number): void {
    this.fromMachine(link, (session) => this.#hear(session, slots));
  }

  progressed(session: Session, { no, descriptor }: OpenLease, report: Report, news: number): void {
    const { from, count, failures, elapsedMs, done, block } = report;
    const { worker } = session;
    session.heardMs = this.world.queue.nowMs;
    const evidence = this.#referee.evidence(descriptor.job, report);
    const event = { worker, lease: no, from, count, failures, elapsedMs, done, bytes: block.length };
    const source = { report, news, session, job: descriptor.job };
    this.#feed({ type: "UnitProgressed", nowMs: this.#nowMs, ...event, ...evidence }, source);
    this.journal.after(() => session.ack(report.lease, from + count));
    if (failures.some(({ kind }) => kind === "missing")) this.outputs.seek(true);
  }

  late(session: Session, descriptor: LeaseDescriptor, report: Report): void {
    const { from, count, failures } = report;
    session.heardMs = this.world.queue.nowMs;
    const evidence = this.#referee.evidence(descriptor.job, report);
    const event = { worker: session.worker, descriptor, from, count, failures, ...evidence };
    const source = { report, news: count, session, job: descriptor.job };
    const ranges = sliceRanges(descriptor.ranges, from, from + count);
    this.#witness?.adopted({ job: descriptor.job, ranges });
    this.#feed({ type: "LateResults", nowMs: this.#nowMs, ...event }, source);
    this.journal.after(() => session.ack(report.lease, from + count));
  }

  returned({ worker }: Session, lease: LeaseNo, reason: ReturnReason): void {
    this.#feed({ type: "UnitReturned", nowMs: this.#nowMs, worker, lease, reason });
  }

  // What happens to it.

  /** It is killed: what it had not stored is gone, all links break. With its disk all is gone. */
  crash(unsyncedMs: number, isDiskLost = false): void {
    const { queue, curator } = this.world;
    this.up = false;
    this.intake.stop();
    this.outputs.clear();
    this.#nearness.clear();
    this.custody.crash();
    this.#referee.crash(isDiskLost);
    this.#life.end();
    this.crashes++;
    const lost = isDiskLost ? this.journal.lose() : this.journal.crash(queue.nowMs - unsyncedMs);
    this.#lost = isDiskLost ? Number.POSITIVE_INFINITY : lost.length;
    loseRecords(this.world, lost);
    if (isDiskLost) {
      curator.hubLost(this.custody.lose());
    }
    for (const session of [...this.sessions]) this.#forget(session);
    for (const link of this.#links) {
      link.abandon("hub");
      queue.after(1, () => link.lose("machine"));
    }
    this.#links = new Set();
  }

  restart(): void {
    const { world } = this;
    this.up = true;
    this.state = createScheduler(world.limits);
    this.saved.clear();
    this.custody.restart();
    for (const record of this.journal.read()) this.#recover(record);
    this.#referee.recover(this.state);
    this.#ending = new Map();
    const windowEndMs = world.queue.nowMs + world.limits.adoptionWindowMs;
    this.#witness?.restarted(this.#lost, windowEndMs);
    this.#lost = 0;
    finishRecovery(this.state, world.queue.nowMs);
    this.#feed({ type: "Tick", nowMs: this.#nowMs });
  }

  #recover(record: Stored): void {
    if (record.type === "ended") this.#ended(record.job);
    if (record.type === "lost") this.outputs.drop(record.job, record.ranges);
    if (record.type === "rows") this.outputs.enter(record.job, record.rows);
    else if (record.type === "saved") this.saved.keep(record);
    else recoverRecord(this.state, record);
  }

  // How it works.

  #gone(link: Link): void {
    this.#links.delete(link);
    const session = this.sessions.ofLink(link);
    if (session !== undefined) this.#end(session, session.left ? "left" : "dropped");
  }

  #end(session: Session, reason: "left" | "dropped"): void {
    if (this.sessions.get(session.worker) !== session) return;
    this.#forget(session);
    if (reason === "dropped") session.lost(this.world.auditor);
    this.#feed({ type: "WorkerLost", nowMs: this.#nowMs, worker: session.worker, reason });
    this.outputs.seek(false);
  }

  #forget(session: Session): void {
    this.sessions.remove(session);
    this.custody.left(session);
  }

  #hear(session: Session, slots?: number): void {
    const nowMs = this.#nowMs;
    const { worker } = session;
    session.heardMs = nowMs;
    this.#feed({ type: "WorkerHeard", nowMs, worker, ...(slots === undefined ? {} : { slots }) });
  }

  /**
   * Heartbeats that change nothing are not simulated: before anybody is missed, those say that they are
   * there who would have said so in the meantime.
   */
  #hearTheSilent(): void {
    const { queue, limits } = this.world;
    if (queue.nowMs < this.state.expiryAtMs) return;
    for (const session of this.sessions) {
      if (
        session.heardMs + limits.heartbeatIntervalMs > queue.nowMs ||
        !session.machine.isHeard(session.link)
      )
        continue;
      this.#hear(session);
    }
  }

  #tick(): void {
    const { nowMs } = this.world.queue;
    if (this.intake.stalledUntilMs > nowMs) {
      // What waits in its sockets is read before anybody counts as silent.
      this.#wakeAt(this.intake.stalledUntilMs + STALL_GRACE_MS);
      return;
    }
    if (this.journal.pressedUntilMs > nowMs) for (const session of this.sessions) this.#hear(session);
    this.#hearTheSilent();
    this.#feed({ type: "Tick", nowMs: this.#nowMs });
  }

  #wakeAt(atMs: number): void {
    this.#life.alarm(atMs, () => this.#tick());
  }

  #feed(event: SchedulerEvent, source?: Source): void {
    if (this.up) this.#perform(this.#step(event), source);
  }

  #step(event: SchedulerEvent): SchedulerEffect[] {
    this.steps++;
    const effects = step(this.state, event);
    if (this.state.leases.size > this.leasesPeak) this.leasesPeak = this.state.leases.size;
    if (this.world.check === "tick") checkScheduler(this.state, this.world.limits, this.intake.awakeSinceMs);
    return effects;
  }

  #perform(effects: readonly SchedulerEffect[], source?: Source): void {
    let isBooked = this.#referee.begin(this.steps, source);
    for (const effect of effects) {
      if (this.#referee.perform(effect, source)) continue;
      switch (effect.type) {
        case "LeaseUnit":
          this.#lease(effect);
          break;
        case "TrimLease":
          this.#trim(effect);
          break;
        case "RevokeLease":
          this.#revoke(effect);
          break;
        case "RecordResults":
          isBooked = true;
          this.#results(effect, source!);
          break;
        case "RecordFailures": {
          const { job, ranges, kind } = effect;
          // The worker whose loss is the last straw is named behind it.
          for (const other of effects) if (other.type === "DropWorker") this.#miss(other.worker);
          this.world.auditor.giveUp(this.world.planOf.get(job)!.number, ranges, kind);
          this.journal.append({ type: "results", job, ranges, failed: countOf(ranges), retries: [] });
          break;
        }
        case "RecordRetries":
          this.journal.append({
            type: "results",
            job: effect.job,
            ranges: [],
            failed: 0,
            retries: effect.retries,
          });
          break;
        case "RecordLoss":
          this.outputs.lose(effect);
          break;
        case "RecordAdjustment":
          this.journal.append({ ...effect, type: "adjusted" });
          break;
        case "RecordCarveMark":
          this.journal.append({ type: "carve", job: effect.job, mark: effect.mark });
          break;
        case "EndJob":
          this.#endJob(effect);
          break;
        case "DropWorker":
          this.#drop(effect.worker);
          break;
        case "WakeAt":
          this.#wakeAt(effect.atMs);
          break;
        case "AdoptLease":
        case "RefuseLease":
          break;
      }
    }
    this.world.inspector.end();
    if (this.journal.isCheckpointDue) this.#takeCheckpoint();
    if (this.world.check === "tick") checkSessions(this.state, this.sessions.byWorker);
    if (source !== undefined && !isBooked && source.report.count > 0) {
      this.world.waste.duplicate += (source.report.costMs * source.news) / source.report.count;
    }
  }

  #takeCheckpoint(): void {
    const snapshots = new Map<string, JobSnapshot>();
    for (const job of jobIds(this.state)) snapshots.set(job, jobSnapshot(this.state, job)!);
    this.journal.takeCheckpoint(snapshots);
  }

  #lease({ lease, descriptor, speculative }: EffectOf<"LeaseUnit">): void {
    const session = this.sessions.get(descriptor.worker);
    const plan = this.world.planOf.get(descriptor.job);
    if (session === undefined || plan === undefined) return;
    this.leases++;
    this.#witness?.leased(descriptor, this.world.queue.nowMs);
    if (speculative) this.copies++;
    const open = newOpenLease(lease, leaseId(descriptor, `${this.#life.number}.${lease}`), descriptor);
    session.open(open);
    const savedOf = (index: number) => this.saved.get(descriptor.job, index);
    const { number, map } = plan;
    const { ranges } = descriptor;
    const isPlain = map === undefined;
    const block = isPlain ? packInputs(number, ranges, savedOf) : this.outputs.inputsOf(plan, ranges);
    session.sendUnit(open, plan, block);
  }

  #trim({ worker, lease, keep }: EffectOf<"TrimLease">): void {
    if (this.sessions.get(worker)?.trim(lease, keep) === true) this.trims++;
  }

  #revoke({ worker, lease, reason }: EffectOf<"RevokeLease">): void {
    this.sessions.get(worker)?.revoke(lease, reason);
  }

  #results(effect: EffectOf<"RecordResults">, source: Source): void {
    if (this.#referee.take(effect, source)) return;
    const { report, news, session } = source;
    const { job, ranges, failures, retries } = effect;
    enterResults(this.world, effect, report, news, session.machine.tally);
    this.saved.drop(job, ranges);
    this.outputs.keep(effect, report.block);
    const record = { type: "results", job, ranges, failed: failures.length, retries } as const;
    this.journal.append(record, undefined, report.block.length);
  }

  #endJob({ job, state, trust }: EffectOf<"EndJob">): void {
    this.#referee.ended(job, trust);
    this.#ending.set(job, state);
    this.journal.append({ type: "ended", job }, () => this.#ended(job));
  }

  /** The journal holds the end of a job; a hub that died before it could say so says it when it is back. */
  #ended(job: string): void {
    const { auditor, planOf, queue } = this.world;
    const state = this.#ending.get(job);
    this.saved.forget(job);
    this.outputs.forget(job);
    this.#nearness.ended(planOf.get(job)!);
    if (state === undefined) return;
    this.#ending.delete(job);
    auditor.ended(planOf.get(job)!.number, state, queue.nowMs);
  }

  #miss(worker: string): void {
    this.sessions.get(worker)?.lost(this.world.auditor);
  }

  #drop(worker: string): void {
    const session = this.sessions.get(worker);
    if (session === undefined) return;
    this.#miss(worker);
    this.#forget(session);
    this.#links.delete(session.link);
    session.link.close("hub");
  }
}
