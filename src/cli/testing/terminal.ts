import { Readable } from "node:stream";
import type { Terminal } from "../terminal.ts";

/** A terminal that remembers what was written. */
export class FakeTerminal implements Terminal {
  stdout = "";
  stderr = "";
  nowMs = 1_000_000;
  readonly input: Readable;
  inputIsTTY = false;
  outIsTTY = false;
  errIsTTY = false;
  columns = 80;
  rows = 24;
  env: Record<string, string | undefined> = {};

  constructor(input = "") {
    this.input = Readable.from(input === "" ? [] : [input]);
  }

  out(text: string): void {
    this.stdout += text;
  }

  outBytes(bytes: Uint8Array): void {
    this.stdout += Buffer.from(bytes).toString("latin1");
  }

  err(text: string): void {
    this.stderr += text;
  }

  now(): number {
    return this.nowMs;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }
}
