import { RecordWriter } from "../../../protocol/index.ts";
import { encodeLog, type LoadOrder } from "../sandbox/frames.ts";

const LEVELS = ["log", "info", "warn", "error", "debug", "trace", "dir", "table"] as const;
const text = new TextEncoder();
const untext = new TextDecoder();

/** Collects what a task prints and sends it on, within its budget; what is over is counted. */
export class TaskLog {
  readonly #order: Pick<LoadOrder, "logLineBytesMax" | "logBytesPerSecondMax">;
  readonly #write: (frame: Uint8Array) => void;
  readonly #now: () => number;
  readonly #lines = new RecordWriter();
  #dropped = 0;
  #spent = 0;
  #windowStart = 0;

  constructor(
    order: Pick<LoadOrder, "logLineBytesMax" | "logBytesPerSecondMax">,
    write: (frame: Uint8Array) => void,
    now: () => number,
  ) {
    this.#order = order;
    this.#write = write;
    this.#now = now;
  }

  /** Takes one print; each of its lines counts by itself. */
  print(message: string): void {
    const { logLineBytesMax, logBytesPerSecondMax } = this.#order;
    const now = this.#now();
    if (now - this.#windowStart >= 1000) {
      this.#windowStart = now;
      this.#spent = 0;
    }
    // A message far over the budget is not even split.
    for (const line of message.slice(0, logBytesPerSecondMax + 1).split("\n")) {
      const bytes = cutUtf8(text.encode(line), logLineBytesMax);
      if (this.#spent + bytes.length > logBytesPerSecondMax) {
        this.#dropped++;
        continue;
      }
      // What was dropped is told where it was missing.
      if (this.#dropped > 0) this.flush();
      this.#spent += bytes.length + 1;
      this.#lines.push(bytes);
    }
  }

  flush(): void {
    if (this.#lines.count === 0 && this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#write(encodeLog(dropped, this.#lines.take()));
  }
}

/** Cuts at a character's border. */
function cutUtf8(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.length <= bytesMax) return bytes;
  return text.encode(untext.decode(bytes.subarray(0, bytesMax)).replace(/\uFFFD$/, ""));
}

type Format = (...args: unknown[]) => string;

function formatPlainly(...args: unknown[]): string {
  return args
    .map((arg) => {
      if (typeof arg === "string") return arg;
      if (arg instanceof Error) return arg.stack ?? String(arg);
      try {
        return typeof arg === "object" ? JSON.stringify(arg) : String(arg);
      } catch {
        return String(arg);
      }
    })
    .join(" ");
}

/** Puts the task's console on its log; `inspect` is the runtime's own way to show values, where it has one. */
export function redirectConsole(log: TaskLog, inspect?: (value: unknown) => string): void {
  const format: Format =
    inspect === undefined
      ? formatPlainly
      : (...args) => args.map((arg) => (typeof arg === "string" ? arg : inspect(arg))).join(" ");
  const console = (globalThis as unknown as { console: Record<string, unknown> }).console;
  for (const level of LEVELS) {
    console[level] = (...args: unknown[]) => {
      let message: string;
      try {
        message = format(...args);
      } catch {
        message = "(a value that cannot be shown)";
      }
      log.print(message);
    };
  }
}
