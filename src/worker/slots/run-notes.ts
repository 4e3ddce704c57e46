import { decodeFailure, RecordReader, type TaskSpec } from "../../protocol/index.ts";
import type { Diary } from "../diary/diary.ts";
import { type Denial, denialBy } from "../executors/denial.ts";
import type { Sandbox, SandboxResults } from "../executors/port.ts";
import type { CpuMeter } from "../machine/machine.ts";

/** Failures of one report that are looked at for what was denied. */
const LOOKED_AT_MAX = 4;
const CPU_INTERVAL_MS = 250;
/** A process may have been warm for another unit before. */
const meters = new WeakMap<Sandbox, CpuMeter>();

/** Writes into a worker's diary what becomes of one sandbox and its task. */
export class RunNotes {
  readonly #diary: Diary | undefined;
  readonly #task: TaskSpec;
  readonly #newCpuMeter: (() => CpuMeter) | undefined;

  /** @param newCpuMeter where the system does not tell a process's time, that of its inputs counts */
  constructor(diary: Diary | undefined, task: TaskSpec, newCpuMeter?: () => CpuMeter) {
    this.#diary = diary;
    this.#task = task;
    this.#newCpuMeter = newCpuMeter;
  }

  began(lease: string, bytes: number): void {
    this.#diary?.began(this.#task, lease, bytes);
  }

  readonly denied = (denial: Denial): void => this.#diary?.denied(this.#task, denial);

  ran(results: SandboxResults, sandbox: Sandbox | undefined): void {
    const diary = this.#diary;
    if (diary === undefined) return;
    diary.ran(this.#task, results.count, results.failures.length, results.block.length);
    this.#lookForDenials(results);
    if (this.#newCpuMeter !== undefined) this.spent(sandbox, CPU_INTERVAL_MS);
    else diary.spent(this.#task, results.elapsedMs);
  }

  /** What its process used of processors since this was asked last. */
  spent(sandbox: Sandbox | undefined, intervalMs = 0): void {
    if (this.#diary === undefined || sandbox === undefined) return;
    const meter = meters.get(sandbox) ?? this.#newCpuMeter?.();
    if (meter === undefined) return;
    meters.set(sandbox, meter);
    const cpuMs = meter.take(sandbox.pid, performance.now(), intervalMs);
    if (cpuMs !== undefined) this.#diary.spent(this.#task, cpuMs);
  }

  ended(how: string): void {
    this.#diary?.ended(this.#task, how);
  }

  /** Not every denial is told by the runtime itself; a task that ends with one names it. */
  #lookForDenials({ block, failures }: SandboxResults): void {
    const marks = failures.slice(0, LOOKED_AT_MAX);
    const last = marks.at(-1)?.at;
    if (last === undefined) return;
    const reader = new RecordReader(block);
    for (let at = 0; at <= last; at++) {
      const record = reader.read();
      if (record === undefined) return;
      if (!marks.some((mark) => mark.at === at)) continue;
      const denial = denialBy(failureIn(record));
      if (denial !== undefined) this.denied(denial);
    }
  }
}

/** What a sandbox calls a failure may be anything. */
function failureIn(record: Uint8Array): Parameters<typeof denialBy>[0] {
  try {
    return decodeFailure(record);
  } catch {
    return { name: "", message: "", stack: "" };
  }
}
