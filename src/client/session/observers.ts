import {
  type HubToClient,
  type JobProgressMessage,
  MusketeersError,
  type WatchMessage,
} from "../../protocol/index.ts";

export interface JobObserver {
  onProgress(progress: Omit<JobProgressMessage, "type">): void;
  /** The job has ended, or nobody can tell (with an error). */
  onOver(error: unknown): void;
}

interface ObserversHost {
  /** Whether somebody watches the job anyway. */
  watches(job: string): boolean;
  watch(message: WatchMessage): void;
  unwatch(job: string): void;
}

/** Those who wait for the end of a job; beside one that reads its results they need no watch of their own. */
export class JobObservers {
  readonly #host: ObserversHost;
  readonly #observers = new Map<string, Set<JobObserver>>();

  constructor(host: ObserversHost) {
    this.#host = host;
  }

  /** Observes a job until it is over; gives a function that stops it before. */
  add(job: string, observer: JobObserver): () => void {
    let observers = this.#observers.get(job);
    if (observers === undefined) {
      observers = new Set();
      this.#observers.set(job, observers);
    }
    observers.add(observer);
    if (!this.#host.watches(job)) this.#watch(job);
    return () => {
      const left = this.#observers.get(job);
      if (left?.delete(observer) !== true || left.size > 0) return;
      this.#observers.delete(job);
      if (!this.#host.watches(job)) this.#host.unwatch(job);
    };
  }

  onUp(): void {
    for (const job of this.#observers.keys()) if (!this.#host.watches(job)) this.#watch(job);
  }

  /** Whoever read the job has stopped. */
  onUnwatched(job: string): void {
    if (this.#observers.has(job)) this.#watch(job);
  }

  onMessage(message: Exclude<HubToClient, { type: "reply" | "live" }>): void {
    const observers = this.#observers.get(message.job);
    if (observers === undefined) return;
    if (message.type === "job") {
      const { type: _type, ...progress } = message;
      for (const observer of observers) observer.onProgress(progress);
      if (message.state !== "running") this.#over(message.job, undefined);
    } else if (message.type === "ended") {
      this.#over(message.job, undefined);
    } else if (message.type === "joberror") {
      this.#over(message.job, MusketeersError.from(message));
    }
  }

  fail(error: unknown): void {
    for (const job of [...this.#observers.keys()]) this.#over(job, error);
  }

  #over(job: string, error: unknown): void {
    const observers = this.#observers.get(job);
    this.#observers.delete(job);
    for (const observer of observers ?? []) observer.onOver(error);
  }

  #watch(job: string): void {
    const nothing = { results: false, order: "completion", cursor: 0, creditBytes: 0, logs: false } as const;
    this.#host.watch({ type: "watch", job, ...nothing });
  }
}
