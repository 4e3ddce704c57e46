import type { FileStore } from "../../data/index.ts";
import type { FailureMark, Sandbox as SandboxKind, TaskSpec } from "../../protocol/index.ts";
import type { Denial } from "./denial.ts";

/** What a sandbox is started for. */
export interface SandboxOrder {
  readonly task: TaskSpec;
  /** The bundle: an ES module, with its source map inline where it has one. */
  readonly code: Uint8Array;
  /** Told what its tasks were denied, where the runtime says so; may come after its end. */
  readonly onDenied?: (denial: Denial) => void;
}

/** Results of consecutive records, checked. */
export interface SandboxResults {
  readonly count: number;
  /** Packed records, one for each. */
  readonly block: Uint8Array;
  readonly failures: readonly FailureMark[];
  readonly elapsedMs: number;
  /** What they used of a processor, where the system tells; set by the agent. */
  readonly cpuMs?: number;
  /** Fulfilled when the files that they may name are stored; undefined where they are. */
  readonly stored?: Promise<void> | undefined;
}

export interface Death {
  readonly kind: "timeout" | "crash";
  /** For people: which limit, or how it ended. */
  readonly message: string;
  /** The first record without a result is surely to blame. */
  readonly exact: boolean;
}

export interface SandboxHandlers {
  /** What its tasks read and write files through; without it they cannot. */
  readonly files?: FileStore;
  onResults(results: SandboxResults): void;
  /** Packed UTF-8 lines. */
  onLog(block: Uint8Array, dropped: number): void;
  /** The first record without a result saved a state, as one record. */
  onSaved(state: Uint8Array): void;
  /** It ended by itself or over a limit; comes at most once, and not after `kill`. */
  onDeath(death: Death): void;
}

/** Of a sandbox that nobody listens to any more, or not yet. */
export const silent: SandboxHandlers = {
  onResults: () => {},
  onLog: () => {},
  onSaved: () => {},
  onDeath: () => {},
};

/** One process that runs one task; records go in and results come out in the same order. */
export interface Sandbox {
  /**
   * Hands records in; may be called again before the results are out.
   * @param block packed records
   * @param careful report each record by itself
   */
  run(block: Uint8Array, count: number, careful?: boolean): void;
  /** Takes no more of its results in, so that it waits when its pipe is full; its time stands still. */
  pause(): void;
  resume(): void;
  /** Stops it where it stands; its time stands still. False where the system cannot. */
  freeze(): boolean;
  thaw(): void;
  /** The process whose time counts; undefined while it is not known. */
  readonly pid: number | undefined;
  /** Whoever takes it over from the idle ones sets his handlers. */
  handlers: SandboxHandlers;
  /** Ends it at once; nothing is reported any more. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Resident bytes when last looked at. */
  readonly memoryBytes: number;
  readonly alive: boolean;
}

/** Starts sandboxes of one kind. */
export interface Executor {
  readonly kind: SandboxKind;
  /** Runtime, JavaScript engine and its major version, such as `deno-v8-15`. */
  readonly engineClass: string;
  /**
   * Starts a process and loads the task's code in it. Records may be handed in at once. That the code does
   * not load is a failure of each record; that it kills the process is a death.
   * @throws MusketeersError `SANDBOX_UNAVAILABLE` where no process can be started.
   */
  start(order: SandboxOrder, handlers: SandboxHandlers): Sandbox;
  /**
   * Fetches what a task needs beside its code; nothing where it is not there.
   * @throws MusketeersError why it cannot run here
   */
  prepare?(order: Pick<SandboxOrder, "task" | "code">): Promise<void>;
  /** Kills what is left and removes temporary files. */
  close(): Promise<void>;
}
