import type { ChildProcess } from "node:child_process";
import { type ContainerEngine, lastWords } from "./engine.ts";

const ERRORS_BYTES_KEPT = 4096;
/** What engines end with when it was not the program in the container that ended. */
const ENGINE_FAILED = 125;
const NOT_RUNNABLE = 126;
const NOT_FOUND = 127;

export interface ContainerOptions {
  readonly engine: ContainerEngine;
  readonly name: string;
  readonly args: readonly string[];
  readonly onOutput: (chunk: Buffer) => void;
  readonly onErrors: (chunk: Buffer) => void;
}

/** How a container ended. */
export interface Ending {
  readonly status: number;
  readonly outOfMemory: boolean;
  /** For people. */
  readonly message: string;
}

/** One container, from its start to its removal. */
export class Container {
  readonly #engine: ContainerEngine;
  readonly #name: string;
  readonly #child: ChildProcess;
  #errors = "";
  /** Fulfilled when it is gone. */
  readonly ended: Promise<Ending>;

  constructor({ engine, name, args, onOutput, onErrors }: ContainerOptions) {
    this.#engine = engine;
    this.#name = name;
    this.#child = engine.start(args);
    this.#child.stdin?.on("error", () => {});
    this.#child.stdout?.on("data", onOutput);
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString("utf8")).slice(-ERRORS_BYTES_KEPT);
      onErrors(chunk);
    });
    this.ended = new Promise<Ending>((resolve) => {
      this.#child.once("error", ({ message }) =>
        resolve({ status: ENGINE_FAILED, outOfMemory: false, message }),
      );
      this.#child.once("close", (status, signal) => resolve(this.#bury(status ?? 128, signal)));
    });
  }

  write(text: string): void {
    if (this.#child.stdin?.writable) this.#child.stdin.write(text);
  }

  /** Nothing more comes on its standard input. */
  close(): void {
    this.#child.stdin?.end();
  }

  hold(held: boolean): void {
    if (held) this.#child.stdout?.pause();
    else this.#child.stdout?.resume();
  }

  /** Stops it where it stands, or lets it go on. */
  freeze(frozen: boolean): void {
    this.#engine.ask([frozen ? "pause" : "unpause", this.#name]).catch(() => {});
  }

  /** Ends it at once. The engine does it: its client could only let go. */
  kill(): void {
    this.#engine
      .ask(["kill", this.#name])
      .catch(() => {})
      .finally(() => this.#child.kill("SIGKILL"));
    this.#child.stdout?.resume();
  }

  async #bury(status: number, signal: string | null): Promise<Ending> {
    const state = await this.#engine
      .ask(["inspect", "--format", "{{.State.OOMKilled}}", this.#name])
      .catch(() => "");
    await this.#engine.ask(["rm", "--force", "--volumes", this.#name]).catch(() => {});
    const words = lastWords(this.#errors);
    const said = words === "" ? "" : `: ${words}`;
    const how =
      status === ENGINE_FAILED
        ? "The engine could not start the container"
        : status === NOT_RUNNABLE || status === NOT_FOUND
          ? "The container has no such command, or it is for another processor"
          : signal === null
            ? `The container ended with status ${status}`
            : `The container was ended by ${signal}`;
    return { status, outOfMemory: state === "true", message: `${how}${said}` };
  }
}
