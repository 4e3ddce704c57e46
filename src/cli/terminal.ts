import type { EventEmitter } from "node:events";
import type { Readable } from "node:stream";

/** Variables of the environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a command reads and writes. Tests bring their own. */
export interface Terminal {
  /** Data, for people and programs: standard output. */
  out(text: string): void;
  /** Data that is no text. */
  outBytes(bytes: Uint8Array): void;
  /** Everything else: standard error. */
  err(text: string): void;
  readonly input: Readable;
  readonly inputIsTTY: boolean;
  readonly outIsTTY: boolean;
  readonly errIsTTY: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly env: Environment;
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves when standard output has taken what was written; a slow reader slows its writer down. */
  drained(): Promise<void>;
}

/** Resolves when a stream takes more, or never will. */
export function drainedOrClosed(stream: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      stream.off("drain", end);
      stream.off("close", end);
      resolve();
    };
    stream.on("drain", end);
    stream.on("close", end);
  });
}

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  return {
    out: (text) => void stdout.write(text),
    outBytes: (bytes) => void stdout.write(bytes),
    err: (text) => void stderr.write(text),
    input: stdin,
    inputIsTTY: stdin.isTTY === true,
    outIsTTY: stdout.isTTY === true,
    errIsTTY: stderr.isTTY === true,
    get columns() {
      return stderr.columns || stdout.columns || 80;
    },
    get rows() {
      return stdout.rows || 24;
    },
    env,
    now: () => Date.now(),
    drained: () =>
      stdout.writableNeedDrain && !stdout.destroyed ? drainedOrClosed(stdout) : Promise.resolve(),
  };
}
