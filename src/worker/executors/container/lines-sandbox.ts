import { type Limits, toMusketeersError } from "../../../protocol/index.ts";
import { type Death, type Sandbox, type SandboxHandlers, type SandboxOrder, silent } from "../port.ts";
import { Container, type Ending } from "./container.ts";
import type { ContainerEngine } from "./engine.ts";
import { lineOf, ReportedFailure, recordOf } from "./json.ts";
import { Lines } from "./lines.ts";
import { ContainerLog } from "./log.ts";
import { Patience } from "./patience.ts";
import { failureNamed, inputsOf, type Outcome, report } from "./reports.ts";

export interface ContainerSandboxOptions {
  readonly engine: ContainerEngine;
  readonly name: string;
  readonly args: readonly string[];
  readonly order: SandboxOrder;
  readonly limits: Limits;
  readonly handlers: SandboxHandlers;
}

/** A container that takes many inputs, each a line of JSON, and gives each result as one, in the same order. */
export class LinesSandbox implements Sandbox {
  handlers: SandboxHandlers;
  readonly memoryBytes = 0;
  /** It is the engine's child, not ours. */
  readonly pid = undefined;
  readonly #order: SandboxOrder;
  readonly #limits: Limits;
  readonly #container: Container;
  readonly #patience: Patience;
  readonly #log: ContainerLog;
  /** Fulfilled when the container is gone. */
  readonly gone: Promise<void>;
  #outstanding = 0;
  /** Inputs that cannot be written down, each with how many lines go before it. */
  #unsent: { readonly before: number; readonly error: Error }[] = [];
  /** Lines that were written, and those of them that were answered, since it began. */
  #written = 0;
  #answered = 0;
  #outcomes: Outcome[] = [];
  #state: "runs" | "dying" | "gone" = "runs";
  #verdict: Death | undefined;
  #paused = false;
  #frozen = false;
  #begun = false;
  #heardAtMs = performance.now();

  constructor(options: ContainerSandboxOptions) {
    const { engine, name, args, order, limits, handlers } = options;
    this.handlers = handlers;
    this.#order = order;
    this.#limits = limits;
    const lines = new Lines(limits.valueBytesMax, (line) => this.#onLine(line));
    this.#patience = new Patience(() => this.#overdue());
    this.#log = new ContainerLog(limits, (block, dropped) => this.handlers.onLog(block, dropped));
    this.#container = new Container({
      engine,
      name,
      args,
      onOutput: (chunk) => {
        if (!this.alive) return;
        lines.push(chunk);
        this.#flush();
      },
      onErrors: (chunk) => this.#log.push(chunk),
    });
    this.gone = this.#container.ended.then((ending) => this.#onEnded(ending));
  }

  get alive(): boolean {
    return this.#state === "runs";
  }

  run(block: Uint8Array, count: number): void {
    if (!this.alive) return;
    if (this.#outstanding === 0) this.#heardAtMs = performance.now();
    const inputs = inputsOf(block);
    this.#outstanding += count;
    for (const input of inputs) {
      try {
        this.#container.write(lineOf(input));
        this.#written++;
      } catch (error) {
        this.#unsent.push({ before: this.#written, error: toMusketeersError(error) });
      }
    }
    this.#settleUnsent();
    this.#flush();
    this.#await();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#patience.hold();
    this.#container.hold(true);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#patience.release();
    this.#container.hold(false);
  }

  freeze(): boolean {
    if (this.#frozen || !this.alive) return true;
    this.#frozen = true;
    this.#patience.hold();
    this.#container.freeze(true);
    return true;
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#patience.release();
    if (this.alive) this.#container.freeze(false);
  }

  kill(): Promise<void> {
    this.handlers = silent;
    this.#end();
    return this.gone;
  }

  #await(): void {
    if (this.#outstanding === 0) this.#patience.stop();
    else {
      // The first input waits for the container to start, too.
      const startMs = this.#begun ? 0 : this.#limits.sandboxLoadTimeoutMs;
      this.#patience.start(this.#order.task.timeoutMs + startMs);
    }
  }

  #onLine(line: Buffer): void {
    if (!this.alive) return;
    const outcome = this.#outcomeOf(line);
    if (typeof outcome === "string") {
      this.#condemn("crash", outcome);
      return;
    }
    this.#outcomes.push(outcome);
    this.#answered++;
    this.#settleUnsent();
  }

  /** The answer that a line is, or what is wrong with it. */
  #outcomeOf(line: Buffer): Outcome | string {
    const { valueBytesMax } = this.#limits;
    if (this.#answered >= this.#written) return `It printed what nobody asked for: ${quote(line)}`;
    if (line.length > valueBytesMax) return `It printed a line of more than ${valueBytesMax} bytes`;
    try {
      return { record: recordOf(line.toString("utf8")) };
    } catch (thrown) {
      if (thrown instanceof ReportedFailure) return { failure: failureNamed(thrown.name, thrown.message) };
      return `It printed no JSON: ${quote(line)}`;
    }
  }

  /** The turn of inputs that could not be written down. */
  #settleUnsent(): void {
    while (this.#unsent[0] !== undefined && this.#unsent[0].before <= this.#answered) {
      const { error } = this.#unsent.shift()!;
      this.#outcomes.push({ failure: failureNamed("UNSERIALIZABLE", error.message) });
    }
  }

  #flush(): void {
    if (!this.alive || this.#outcomes.length === 0) return;
    const now = performance.now();
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    const most = this.#limits.reportRecordsMax;
    const each = (now - this.#heardAtMs) / outcomes.length;
    this.#heardAtMs = now;
    this.#begun = true;
    this.#outstanding -= outcomes.length;
    this.#await();
    for (let from = 0; from < outcomes.length; from += most) {
      const part = outcomes.slice(from, from + most);
      this.handlers.onResults(report(part, each * part.length));
    }
  }

  #overdue(): void {
    this.#condemn("timeout", `It took longer than ${this.#order.task.timeoutMs} ms`);
  }

  #condemn(kind: Death["kind"], message: string): void {
    if (!this.alive) return;
    this.#flush();
    this.#verdict = { kind, message, exact: true };
    this.#end();
  }

  #end(): void {
    if (!this.alive) return;
    this.#state = "dying";
    this.#patience.stop();
    this.#container.kill();
  }

  #onEnded({ outOfMemory, message }: Ending): void {
    const byItself = this.alive;
    this.#flush();
    this.#state = "gone";
    this.#patience.stop();
    this.#log.end();
    if (!byItself && this.#verdict === undefined) return;
    const mb = Math.round(this.#order.task.memoryBytes / 1024 / 1024);
    const why = outOfMemory ? `It used more than ${mb} MB of memory` : message;
    // Answers come one by one, in order: who has none is to blame.
    this.handlers.onDeath(this.#verdict ?? { kind: "crash", message: why, exact: this.#outstanding > 0 });
  }
}

const quote = (line: Buffer): string => JSON.stringify(line.subarray(0, 120).toString("utf8"));
