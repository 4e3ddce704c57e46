import {
  type FollowMessage,
  MusketeersError,
  type ProgressMessage,
  type Role,
  toMusketeersError,
} from "../../protocol/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { OpenLease } from "../leases/open-lease.ts";
import type { Scope } from "../projects/scope.ts";
import type { HubView } from "../views/hub-view.ts";
import { framesOf } from "./frames.ts";
import { Segments } from "./segments.ts";
import { type Sample, Subscription } from "./subscription.ts";
import { Timeline } from "./timeline.ts";
import { sampleOf } from "./topics.ts";

/** The worker that something comes from. */
interface Reporter {
  readonly worker: string;
  readonly name: string;
}

/** A client that follows something. */
export interface Follower {
  readonly role: Role;
  /** What of the hub it gets to see. */
  readonly scope: Scope;
  readonly congested: boolean;
  send(header: object, body?: Uint8Array): void;
}

/**
 * What pages see of a hub: a few times a second everybody who follows something is told what changed of it. Nothing is
 * worked out while nobody looks, and what two people look at is worked out once.
 */
export class Live {
  /** Results of all jobs over the last minutes. */
  readonly timeline = new Timeline({ rolls: true });
  readonly segments = new Segments();
  readonly #hub: HubView;
  readonly #followers = new Map<Follower, Map<number, Subscription>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(hub: HubView) {
    this.#hub = hub;
  }

  /** @throws MusketeersError `TOO_MANY` */
  follow(follower: Follower, message: FollowMessage): void {
    const subscriptions = this.#followers.get(follower) ?? new Map<number, Subscription>();
    const { topicsPerClientMax } = this.#hub.limits;
    if (!subscriptions.has(message.id) && subscriptions.size >= topicsPerClientMax) {
      const text = `This client follows ${topicsPerClientMax} topics already (topicsPerClientMax)`;
      this.#refuse(follower, message.id, new MusketeersError("TOO_MANY", text));
      return;
    }
    this.#followers.set(follower, subscriptions);
    const subscription = new Subscription(message);
    subscriptions.set(message.id, subscription);
    this.#tell(follower, subscription, new Map());
    this.#wake();
  }

  unfollow(follower: Follower, id: number): void {
    this.#followers.get(follower)?.delete(id);
  }

  left(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /** Results are in the journal. */
  stored(entry: JobEntry, count: number, failed: number): void {
    const nowMs = this.#hub.wallMs();
    this.timeline.add(count, failed, nowMs);
    entry.submission.history.timeline.add(count, failed, nowMs);
  }

  progressed(session: Reporter, lease: OpenLease, message: ProgressMessage): void {
    this.segments.report({
      worker: session.worker,
      name: session.name,
      lease: lease.lease,
      job: this.#hub.jobs.get(lease.descriptor.job)?.submission.spec.job ?? "",
      nowMs: this.#hub.wallMs(),
      elapsedMs: message.elapsedMs,
      inputs: message.count,
      failed: message.failures.length,
      copy: lease.copy,
      done: message.done,
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#followers.clear();
  }

  #wake(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const samples = new Map<string, Sample>();
      for (const [follower, subscriptions] of [...this.#followers]) {
        if (subscriptions.size === 0) this.#followers.delete(follower);
        for (const subscription of [...subscriptions.values()]) this.#tell(follower, subscription, samples);
      }
      if (this.#followers.size > 0) this.#wake();
    }, this.#hub.limits.liveIntervalMs);
  }

  /** @param samples what was worked out for others at this moment */
  #tell(follower: Follower, subscription: Subscription, samples: Map<string, Sample>): void {
    // Who does not take what was sent is told all that changed later.
    if (follower.congested) return;
    const { id, topic, of } = subscription.message;
    try {
      const { role, scope } = follower;
      const name = `${topic} ${role} ${scope.project ?? ""} ${of}`;
      const sample = samples.get(name) ?? sampleOf({ hub: this.#hub, live: this }, topic, of, role, scope);
      samples.set(name, sample);
      const part = subscription.changes(sample);
      if (part === undefined) return;
      const { frameBytesMax, headerBytesMax } = this.#hub.limits;
      for (const body of framesOf(part, frameBytesMax - headerBytesMax)) {
        const { first } = subscription;
        subscription.first = false;
        follower.send({ type: "live", id, first }, body);
      }
    } catch (error) {
      this.unfollow(follower, id);
      this.#refuse(follower, id, toMusketeersError(error));
    }
  }

  #refuse(follower: Follower, id: number, { code, message, hint }: MusketeersError): void {
    follower.send({ type: "live", id, first: true, error: { code, message, hint } });
  }
}
