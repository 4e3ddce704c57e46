import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Spawned, SpawnedEvents } from "../sandbox/spawned.ts";
import { MemoryWatch } from "./memory-watch.ts";

/** A started process and its pipes. */
export interface Child {
  readonly process: ChildProcess;
  readonly input: Writable;
  readonly output: Readable;
  /** What the runtime itself says, such as why it dies. */
  readonly errors: Readable | null;
  /** The process whose memory counts; undefined while it is not known. */
  readonly memoryPid: () => number | undefined;
  /** Stops it where it stands, or lets it go on; false where that cannot be done. */
  readonly stop: (stopped: boolean) => boolean;
  /** Ends it at once, with all that it started. */
  readonly kill: () => void;
  /** Removes what the process had. */
  readonly cleanUp: () => Promise<void>;
}

const ERRORS_BYTES_KEPT = 4096;

/** A process of its own that runs a sandbox. */
export class ChildSandbox implements Spawned {
  readonly #child: Child;
  readonly #memoryWatchIntervalMs: number;
  #drained: Promise<void> | undefined;
  #errors = "";

  constructor(child: Child, limits: { readonly memoryWatchIntervalMs: number }) {
    this.#child = child;
    this.#memoryWatchIntervalMs = limits.memoryWatchIntervalMs;
  }

  listen({ onBytes, onGone }: SpawnedEvents): void {
    const { process, input, output, errors } = this.#child;
    input.on("error", () => {});
    output.on("error", () => {});
    // Not as a Buffer, whose `slice` does not copy.
    output.on("data", (chunk: Buffer) =>
      onBytes(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)),
    );
    errors?.on("data", (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString("utf8")).slice(-ERRORS_BYTES_KEPT);
    });
    process.once("error", ({ message }) =>
      onGone({ why: `The sandbox does not start: ${message}`, isMemory: false }),
    );
    process.once("close", (code, signal) =>
      onGone({
        why: this.#epitaph(code, signal),
        isMemory: /out of memory|OOM|heap limit/i.test(this.#errors),
      }),
    );
  }

  write(parts: readonly Uint8Array[], onWritten?: () => void): Promise<void> | undefined {
    const { input } = this.#child;
    if (input.destroyed) return undefined;
    input.cork();
    let isFree = true;
    for (const [at, part] of parts.entries()) {
      const isLast = at === parts.length - 1;
      isFree = input.write(part, isLast ? (error) => error ?? onWritten?.() : undefined);
    }
    input.uncork();
    if (isFree) return undefined;
    this.#drained ??= new Promise<void>((resolve) => {
      const done = () => {
        input.off("drain", done);
        input.off("close", done);
        this.#drained = undefined;
        resolve();
      };
      input.on("drain", done);
      input.on("close", done);
    });
    return this.#drained;
  }

  hold(held: boolean): void {
    if (held) this.#child.output.pause();
    else this.#child.output.resume();
  }

  stop(stopped: boolean): boolean {
    return this.#child.stop(stopped);
  }

  kill(): void {
    this.#child.kill();
    this.#child.input.destroy();
    this.#child.output.resume();
  }

  cleanUp(): Promise<void> {
    return this.#child.cleanUp();
  }

  pid(): number | undefined {
    return this.#child.memoryPid();
  }

  watchMemory(bytesMax: number, onOver: () => void): MemoryWatch {
    return new MemoryWatch(this.#child.memoryPid, bytesMax, this.#memoryWatchIntervalMs, onOver);
  }

  afterInput(callback: () => void): void {
    setImmediate(() => setImmediate(callback));
  }

  #epitaph(code: number | null, signal: string | null): string {
    const how = signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
    const line = this.#errors.trim().split("\n").at(-1) ?? "";
    return `The sandbox ${how}${line === "" ? "" : `: ${line.slice(0, 300)}`}`;
  }
}
