import { eachRecord, type Limits, type LogLine } from "../../protocol/index.ts";

interface JobLog {
  readonly lines: LogLine[];
  /** Lines of before that are here no more. */
  gone: number;
  bytes: number;
}

type LogLimits = Pick<Limits, "logLinesPerJobMax" | "logLineBytesMax" | "logBytesMax">;

/** What a line costs besides its characters, roughly. */
const LINE_OVERHEAD_BYTES = 100;

const decoder = new TextDecoder();
const costOf = ({ line }: LogLine): number => 2 * line.length + LINE_OVERHEAD_BYTES;

/** The latest lines that tasks printed, by job; where all together are too much, the job goes that was silent longest. */
export class TaskLogs {
  readonly #limits: LogLimits;
  /** The job that printed last stands last. */
  readonly #jobs = new Map<string, JobLog>();
  #bytes = 0;

  constructor(limits: LogLimits) {
    this.#limits = limits;
  }

  /** Keeps lines, packed as records, and how many were dropped before them. */
  add(job: string, worker: string, dropped: number, lines: Uint8Array): void {
    const { logLinesPerJobMax: linesMax, logLineBytesMax, logBytesMax } = this.#limits;
    const log = this.#jobs.get(job) ?? { lines: [], gone: 0, bytes: 0 };
    this.#jobs.delete(job);
    this.#jobs.set(job, log);
    // Workers cut lines, too; but a worker may be anyone.
    for (const line of eachRecord(lines)) {
      this.#push(log, { worker, line: decoder.decode(line.subarray(0, logLineBytesMax)) });
    }
    if (dropped > 0) this.#push(log, { worker, line: `… ${dropped} lines dropped: too much output` });
    // In steps, so that a talkative task does not pay for the shift at each line.
    if (log.lines.length > linesMax * 1.1) this.#shorten(log, linesMax);
    for (const [silent] of this.#jobs) {
      if (this.#bytes <= logBytesMax || silent === job) break;
      this.forget(silent);
    }
    while (this.#bytes > logBytesMax && log.lines.length > 1) this.#shorten(log, log.lines.length >> 1);
  }

  of(job: string): readonly LogLine[] {
    return this.#jobs.get(job)?.lines ?? [];
  }

  /** The latest of them, by their number: a line has the same for as long as the hub keeps the job's log. */
  latest(job: string, max: number): Map<string, LogLine> {
    const { lines = [], gone = 0 } = this.#jobs.get(job) ?? {};
    const first = Math.max(0, lines.length - max);
    return new Map(lines.slice(first).map((line, at) => [String(gone + first + at), line]));
  }

  forget(job: string): void {
    this.#bytes -= this.#jobs.get(job)?.bytes ?? 0;
    this.#jobs.delete(job);
  }

  #push(log: JobLog, line: LogLine): void {
    log.lines.push(line);
    this.#count(log, costOf(line));
  }

  #shorten(log: JobLog, count: number): void {
    log.gone += log.lines.length - count;
    for (const line of log.lines.splice(0, log.lines.length - count)) this.#count(log, -costOf(line));
  }

  #count(log: JobLog, bytes: number): void {
    log.bytes += bytes;
    this.#bytes += bytes;
  }
}
