import type { FileStore } from "../../data/index.ts";
import type { Limits } from "../../protocol/index.ts";
import {
  type Executor,
  type Sandbox,
  type SandboxHandlers,
  type SandboxOrder,
  type SandboxResults,
  silent,
} from "../executors/port.ts";
import { letGo } from "../let-go.ts";

type PoolLimits = Pick<Limits, "sandboxesIdleMax" | "sandboxIdleTtlMs" | "sandboxLingerMs">;

interface Idle {
  readonly key: string;
  readonly sandbox: Sandbox;
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * Keeps a few sandboxes warm for a while, for the task that they were started for; the longest idle one goes first.
 */
export class SandboxPool {
  readonly #executor: Executor;
  readonly #limits: PoolLimits;
  /** In the order in which they became idle. */
  readonly #idle: Idle[] = [];
  readonly #used = new Set<Sandbox>();
  #frozen = false;

  constructor(executor: Executor, limits: PoolLimits) {
    this.#executor = executor;
    this.#limits = limits;
  }

  /** Sees to it that a sandbox for a task can be taken. @throws MusketeersError why it cannot */
  async prepare(order: Pick<SandboxOrder, "task" | "code">): Promise<void> {
    await this.#executor.prepare?.(order);
  }

  /** A sandbox for a task, warm where there is one. */
  take(key: string, order: SandboxOrder, handlers: SandboxHandlers): Sandbox {
    const at = this.#idle.findLastIndex((idle) => idle.key === key && idle.sandbox.alive);
    let sandbox: Sandbox;
    if (at >= 0) {
      sandbox = this.#unlist(this.#idle[at]!);
      sandbox.handlers = handlers;
    } else {
      sandbox = this.#executor.start(order, handlers);
    }
    this.#used.add(sandbox);
    if (this.#frozen) sandbox.freeze();
    return sandbox;
  }

  /** Gives back a sandbox that has nothing to do. */
  give(key: string, sandbox: Sandbox): void {
    this.#used.delete(sandbox);
    if (!sandbox.alive) return;
    // Whoever takes it next may be another worker's pause or none.
    sandbox.thaw();
    sandbox.handlers = silent;
    for (const idle of this.#idle.filter((each) => !each.sandbox.alive)) this.#unlist(idle);
    const timer = setTimeout(() => this.#end(idle), this.#limits.sandboxIdleTtlMs);
    letGo(timer);
    const idle = { key, sandbox, timer };
    this.#idle.push(idle);
    if (this.#idle.length > this.#limits.sandboxesIdleMax) this.#end(this.#idle[0]!);
  }

  #unlist(idle: Idle): Sandbox {
    clearTimeout(idle.timer);
    this.#idle.splice(this.#idle.indexOf(idle), 1);
    return idle.sandbox;
  }

  #end(idle: Idle): void {
    void this.#unlist(idle).kill();
  }

  /**
   * Gives back a sandbox that is still at work although nobody wants what it gives: one that is done soon need not be started again.
   * @param left results that are still to come
   * @param files what it reads and writes until then
   */
  leave(key: string, sandbox: Sandbox, { left, files }: { left: number; files: FileStore }): void {
    let missing = left;
    let stored: Promise<void> = Promise.resolve();
    let isOver = false;
    const end = (action: () => void) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      action();
    };
    const drop = () => end(() => this.drop(sandbox));
    const timer = setTimeout(drop, this.#limits.sandboxLingerMs);
    letGo(timer);
    const look = () => {
      // What it could not store it would say of the next results, too.
      if (missing <= 0) stored.then(() => end(() => this.give(key, sandbox)), drop);
    };
    const onResults = (results: SandboxResults) => {
      missing -= results.count;
      stored = stored.then(() => results.stored);
      stored.catch(drop);
      look();
    };
    sandbox.handlers = { ...silent, files, onResults, onDeath: drop };
    look();
  }

  /** Ends a sandbox at once. */
  drop(sandbox: Sandbox): void {
    this.#used.delete(sandbox);
    void sandbox.kill();
  }

  /** Stops all that run where they stand; false where the system cannot. */
  freeze(): boolean {
    this.#frozen = true;
    let all = true;
    for (const sandbox of this.#used) all = sandbox.freeze() && all;
    return all;
  }

  thaw(): void {
    this.#frozen = false;
    for (const sandbox of this.#used) sandbox.thaw();
  }

  /** The processes of the moment. */
  get pids(): number[] {
    const sandboxes = [...this.#used, ...this.#idle.map(({ sandbox }) => sandbox)];
    return sandboxes.flatMap(({ pid }) => pid ?? []);
  }

  /** Resident bytes of all of them. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const sandbox of this.#used) bytes += sandbox.memoryBytes;
    for (const { sandbox } of this.#idle) bytes += sandbox.memoryBytes;
    return bytes;
  }
}
