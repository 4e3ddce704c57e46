import {
  type CancelMessage,
  type ErrorCode,
  type InputsMessage,
  MusketeersError,
  type Role,
  type SessionMessage,
  type SubmitMessage,
  toMusketeersError,
  type WatchMessage,
} from "../../protocol/index.ts";
import type { Peer, PeerSession } from "../connections/peer.ts";
import type { Coordinator } from "../coordinator.ts";
import type { Holder, JobEntry } from "../jobs/job-entry.ts";
import { Scope } from "../projects/scope.ts";
import { CallQueue } from "./call-queue.ts";
import { answerCall } from "./calls.ts";
import { Watch } from "./watch.ts";

/** What changes a job. */
type JobChange = SubmitMessage | InputsMessage | CancelMessage;

const submitRoles: readonly Role[] = ["admin", "submitter"];

/** What a client runs into that goes on although it is told not to. */
const isRefusal = (code: ErrorCode): boolean =>
  code === "TOO_MANY" || code === "LIMIT_EXCEEDED" || code === "FORBIDDEN" || code === "PROTOCOL";

/** One connected client: submits, watches, asks. */
export class ClientSession implements PeerSession, Holder {
  readonly adopted: readonly string[] = [];
  readonly #peer: Peer;
  readonly #coordinator: Coordinator;
  /** What of the hub it gets to see. */
  readonly scope: Scope;
  readonly #watches = new Map<string, Watch>();
  readonly #calls: CallQueue;
  readonly #held = new Set<string>();
  #unstoredBytes = 0;
  readonly #receipts: object[] = [];
  #receiptTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(coordinator: Coordinator, peer: Peer) {
    this.#coordinator = coordinator;
    this.#peer = peer;
    this.scope = new Scope(peer.grant);
    this.#calls = new CallQueue({
      limits: coordinator.limits,
      answer: ({ method, params }) =>
        answerCall(coordinator, coordinator.callHost, peer.grant, this.scope, method, params),
      send: (header) => peer.send(header),
      isCongested: () => peer.congested,
      onFailed: ({ code }) => {
        if (isRefusal(code)) peer.refused();
      },
    });
  }

  start(): void {}

  onMessage(message: SessionMessage, body: Uint8Array): void {
    switch (message.type) {
      case "submit":
      case "inputs":
      case "cancel":
        this.#forJob(message.type === "submit" ? message.spec.job : message.job, () => {
          this.#require(submitRoles, `${message.type}`);
          this.#change(message, body);
        });
        break;
      case "watch":
        this.#forJob(message.job, () => this.#watch(message));
        break;
      case "credit":
        this.#watches.get(message.job)?.credit(message.bytes);
        break;
      case "unwatch":
        this.#unwatch(message.job);
        break;
      case "call":
        this.#calls.add(message);
        break;
      case "follow":
        this.#coordinator.live.follow(this, message);
        break;
      case "unfollow":
        this.#coordinator.live.unfollow(this, message.id);
        break;
      case "goodbye":
        break;
      case "progress":
      case "return":
      case "heartbeat":
      case "log":
      case "save":
      case "leave":
      case "whereabouts":
      case "holds":
      case "locate":
      case "catalogue":
      case "accounts":
      case "uploaded":
      case "asked":
      case "kept":
        throw new MusketeersError("FORBIDDEN", `A client may not send ${message.type}`);
    }
  }

  onClose(): void {
    clearTimeout(this.#receiptTimer);
    this.#calls.close();
    this.#coordinator.live.left(this);
    for (const watch of this.#watches.values()) {
      watch.stop();
      watch.entry.watches.delete(watch);
    }
    this.#watches.clear();
    for (const job of this.#held) this.#coordinator.control.holds.release(job, this);
  }

  /** Who does not take what it asked for is not read until it did. */
  onCongestion(congested: boolean): void {
    if (congested) {
      this.#peer.pause("congested");
      return;
    }
    this.#peer.resume("congested");
    this.#calls.pump();
    for (const watch of [...this.#watches.values()]) watch.pump();
  }

  hold(entry: JobEntry): void {
    if (this.#coordinator.control.holds.hold(entry, this)) this.#held.add(entry.spec.job);
  }

  letGo(job: string): void {
    this.#held.delete(job);
  }

  /** Inputs of this client that the journal does not hold yet; too many stop the reading. */
  addUnstored(bytes: number): void {
    const { inputBytesUnstoredMax } = this.#coordinator.limits;
    const before = this.#unstoredBytes;
    this.#unstoredBytes += bytes;
    // A client of ours stops by itself at the limit; only one that does not gets to feel this.
    const bound = 2 * inputBytesUnstoredMax;
    if (before <= bound && this.#unstoredBytes > bound) this.#peer.pause("unstored");
    else if (before > bound && this.#unstoredBytes <= bound) this.#peer.resume("unstored");
  }

  send(header: object, body?: Uint8Array): void {
    this.#peer.send(header, body);
  }

  /**
   * Sends a receipt a little later, with others: nobody waits for it, and a frame of its own in the middle
   * of a round trip would cost the result that somebody does wait for.
   */
  sendReceipt(header: object): void {
    this.#receipts.push(header);
    this.#receiptTimer ??= setTimeout(() => {
      this.#receiptTimer = undefined;
      for (const receipt of this.#receipts.splice(0)) this.#peer.send(receipt);
    }, this.#coordinator.limits.receiptDelayMs);
  }

  fail(error: MusketeersError): void {
    this.#peer.fail(error);
  }

  get role(): Role {
    return this.#peer.role;
  }

  /** Whether so much waits to leave that what can wait does. */
  get congested(): boolean {
    return this.#peer.congested;
  }

  /** Errors about one job are told as such and leave the connection alone. */
  #forJob(job: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      const { code, message, hint } = toMusketeersError(error);
      this.#peer.send({ type: "joberror", job, code, message, hint });
      if (isRefusal(code)) this.#peer.refused();
    }
  }

  #require(roles: readonly Role[], what: string): void {
    if (!roles.includes(this.#peer.role)) {
      throw new MusketeersError("FORBIDDEN", `A ${this.#peer.role} may not ${what}`);
    }
  }

  #change(message: JobChange, body: Uint8Array): void {
    switch (message.type) {
      case "submit":
        this.#coordinator.intake.submit(
          this,
          { ...message, spec: { ...message.spec, project: this.#peer.grant.project } },
          body,
        );
        break;
      case "inputs":
        this.#coordinator.intake.inputs(this, message, body);
        break;
      case "cancel":
        this.#coordinator.jobs.require(message.job, this.scope.project);
        this.#coordinator.control.cancel(message.job, message.reason, message.ranges);
        break;
    }
  }

  #watch(message: WatchMessage): void {
    const entry = this.#coordinator.jobs.require(message.job, this.scope.project);
    // A picture is there to be looked at.
    const shown = entry.spec.options.picture !== undefined && !message.logs;
    if ((message.results && !shown) || message.logs) this.#require(submitRoles, "read results");
    this.#unwatch(message.job);
    const { watchesPerClientMax } = this.#coordinator.limits;
    if (this.#watches.size >= watchesPerClientMax) {
      const text = `This client watches ${watchesPerClientMax} jobs already (watchesPerClientMax)`;
      throw new MusketeersError("TOO_MANY", text);
    }
    const watch = new Watch(entry, message, {
      blocks: this.#coordinator.blocks,
      send: (header, body) => this.#peer.send(header, body),
      isCongested: () => this.#peer.congested,
      onFault: (error) => {
        // Results that cannot be read are this job's and this reader's trouble, nobody else's.
        this.#unwatch(message.job);
        this.#forJob(message.job, () => {
          throw error;
        });
      },
      onOver: (over) => {
        if (this.#watches.get(message.job) === over) this.#watches.delete(message.job);
      },
    });
    this.#watches.set(message.job, watch);
    entry.watches.add(watch);
    if (submitRoles.includes(this.#peer.role)) this.hold(entry);
    watch.progress(this.#coordinator.progressOf(entry));
    watch.pump();
  }

  #unwatch(job: string): void {
    const watch = this.#watches.get(job);
    if (watch === undefined) return;
    watch.stop();
    watch.entry.watches.delete(watch);
    this.#watches.delete(job);
  }
}
