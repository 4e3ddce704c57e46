import { MusketeersError, toMusketeersError } from "../protocol/index.ts";

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** Connections one after the other that the hub did not know, before what goes beside them fails. */
const UNKNOWN_MAX = 3;

/**
 * Whether there is a connection, and which one: for what goes over HTTP beside it with its token, which
 * ends when it does.
 */
export class Presence {
  #token = "";
  #up = false;
  #end: { readonly error: unknown } | undefined;
  readonly #waiters = new Set<Waiter>();
  readonly #reconnect: () => void;

  /** @param reconnect gives the connection up and makes another */
  constructor(reconnect: () => void = () => {}) {
    this.#reconnect = reconnect;
  }

  /** Of the connection that there is, or was last; empty before the first. */
  get token(): string {
    return this.#token;
  }

  /**
   * The same for a request that leaves now: without a connection nobody at the hub's address has proven to be the hub.
   * @throws MusketeersError `HUB_UNREACHABLE`
   */
  provenToken(): string {
    if (!this.#up) throw new MusketeersError("HUB_UNREACHABLE", "The connection to the hub is gone");
    return this.#token;
  }

  up(token: string): void {
    if (this.#end !== undefined) return;
    this.#token = token;
    this.#up = true;
    for (const waiter of this.#take()) waiter.resolve();
  }

  down(): void {
    this.#up = false;
  }

  /** There will be no further connection. */
  end(error: unknown = new MusketeersError("HUB_UNREACHABLE", "The connection was closed")): void {
    this.#end ??= { error };
    this.#up = false;
    for (const waiter of this.#take()) waiter.reject(this.#end.error);
  }

  /**
   * Tries once there is a connection, and tries again on the next one what failed because it broke. Where
   * the hub does not know the connection any more (only one end has noticed that it broke), makes another.
   * @throws what the attempt throws otherwise, what `end` was given, or the signal's reason.
   */
  async persist<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let unknown = 0; ; ) {
      await this.#whenUp(signal);
      const token = this.#token;
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        const broke = !this.#up || this.#token !== token;
        if (this.#end !== undefined) throw error;
        if (broke) continue;
        if (toMusketeersError(error).code !== "UNAUTHORIZED" || ++unknown >= UNKNOWN_MAX) throw error;
        this.down();
        this.#reconnect();
      }
    }
  }

  #take(): readonly Waiter[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }

  #whenUp(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.#end !== undefined) return reject(this.#end.error);
      if (this.#up) return resolve();
      const settle = () => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener("abort", abort);
      };
      const abort = () => waiter.reject(signal?.reason);
      const waiter: Waiter = {
        resolve: () => {
          settle();
          resolve();
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}
