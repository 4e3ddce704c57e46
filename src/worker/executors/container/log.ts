import { type Limits, packRecords } from "../../../protocol/index.ts";
import type { SandboxHandlers } from "../port.ts";
import { Lines } from "./lines.ts";

type LogLimits = Pick<Limits, "logLineBytesMax" | "logBytesPerSecondMax">;

/** What a container says on standard error, as the log of its task: so much a second, and the rest counted. */
export class ContainerLog {
  readonly #limits: LogLimits;
  readonly #lines: Lines;
  readonly #tell: SandboxHandlers["onLog"];
  #window = { startMs: 0, bytes: 0 };
  #waiting: Uint8Array[] = [];
  #dropped = 0;

  constructor(limits: LogLimits, tell: SandboxHandlers["onLog"]) {
    this.#limits = limits;
    this.#tell = tell;
    this.#lines = new Lines(limits.logLineBytesMax, (line) => this.#add(line));
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk);
    this.#flush();
  }

  end(): void {
    if (this.#lines.pending) this.#lines.end();
    this.#flush();
  }

  #add(line: Buffer): void {
    const now = performance.now();
    if (now - this.#window.startMs >= 1000) this.#window = { startMs: now, bytes: 0 };
    const text = new TextEncoder().encode(line.toString("utf8")).subarray(0, this.#limits.logLineBytesMax);
    if (this.#window.bytes + text.length > this.#limits.logBytesPerSecondMax) this.#dropped++;
    else {
      this.#window.bytes += text.length + 1;
      this.#waiting.push(text);
    }
  }

  #flush(): void {
    if (this.#waiting.length === 0 && this.#dropped === 0) return;
    this.#tell(packRecords(this.#waiting), this.#dropped);
    this.#waiting = [];
    this.#dropped = 0;
  }
}
