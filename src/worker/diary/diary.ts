import type { Limits, TaskSpec } from "../../protocol/index.ts";
import { taskKey } from "../core/index.ts";
import type { Denial } from "../executors/denial.ts";
import { letGo } from "../let-go.ts";
import type { DeniedCount, DiaryEntry } from "./entry.ts";

export interface DiaryOptions {
  readonly hub: string;
  readonly project: string;
  readonly limits: Pick<Limits, "workerLogIntervalMs" | "workerLogDenialsMax">;
  readonly nowMs: () => number;
  /** Who signed a task; empty where that is not known. */
  readonly submitterOf: (task: TaskSpec) => string;
  /** Takes what was written down of the last interval. */
  readonly write: (entries: readonly DiaryEntry[]) => Promise<void>;
}

/** Different endings of one entry; the others count as one. */
const ENDINGS_MAX = 8;
const ENDING_LENGTH_MAX = 200;
const TITLE_LENGTH_MAX = 200;

interface Page {
  readonly task: TaskSpec;
  readonly fromMs: number;
  readonly leases: Set<string>;
  inputs: number;
  failed: number;
  cpuMs: number;
  bytesIn: number;
  bytesOut: number;
  readonly endings: Map<string, number>;
  readonly denied: Map<string, DeniedCount>;
  deniedMore: number;
}

const keyOf = (by: Denial["by"], permission: string, target: string): string =>
  `${by} ${permission} ${target}`;

/** What a worker does for one hub, summed up by task and written down every few seconds. */
export class Diary {
  readonly #options: DiaryOptions;
  readonly #pages = new Map<string, Page>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: DiaryOptions) {
    this.#options = options;
  }

  /** Inputs of a lease go to a sandbox. */
  began(task: TaskSpec, lease: string, bytes: number): void {
    const page = this.#page(task);
    page.leases.add(lease);
    page.bytesIn += bytes;
  }

  /** Inputs have their results. */
  ran(task: TaskSpec, inputs: number, failed: number, bytes: number): void {
    const page = this.#page(task);
    page.inputs += inputs;
    page.failed += failed;
    page.bytesOut += bytes;
  }

  spent(task: TaskSpec, cpuMs: number): void {
    this.#page(task).cpuMs += Math.round(cpuMs);
  }

  /** Something of it did not come to its usual end, and why. */
  ended(task: TaskSpec, how: string): void {
    const { endings } = this.#page(task);
    const text = how.slice(0, ENDING_LENGTH_MAX);
    const known = endings.has(text) || endings.size < ENDINGS_MAX ? text : "other";
    endings.set(known, (endings.get(known) ?? 0) + 1);
  }

  denied(task: TaskSpec, { permission, target, by }: Denial): void {
    const page = this.#page(task);
    const key = keyOf(by, permission, target);
    const known = page.denied.get(key);
    if (known !== undefined) known.count++;
    else if (page.denied.size < this.#options.limits.workerLogDenialsMax) {
      page.denied.set(key, { permission, target, by, count: 1 });
    } else page.deniedMore++;
  }

  /** Writes down what there is. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pages.size === 0) return;
    const untilMs = this.#options.nowMs();
    const { hub, project, submitterOf } = this.#options;
    const entries = [...this.#pages.values()].map(({ task, leases, endings, denied, ...page }) => ({
      ...page,
      untilMs,
      hub,
      project,
      submitter: submitterOf(task),
      units: leases.size,
      task: task.title.slice(0, TITLE_LENGTH_MAX),
      bundle: task.bundle,
      endings: Object.fromEntries(endings),
      denied: [...denied.values()].filter(
        ({ by, permission, target }) => by === "sandbox" || !denied.has(keyOf("sandbox", permission, target)),
      ),
    }));
    this.#pages.clear();
    await this.#options.write(entries);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  #page(task: TaskSpec): Page {
    const key = taskKey(task);
    let page = this.#pages.get(key);
    if (page === undefined) {
      page = {
        task,
        fromMs: this.#options.nowMs(),
        leases: new Set(),
        inputs: 0,
        failed: 0,
        cpuMs: 0,
        bytesIn: 0,
        bytesOut: 0,
        endings: new Map(),
        denied: new Map(),
        deniedMore: 0,
      };
      this.#pages.set(key, page);
    }
    if (this.#timer === undefined && !this.#closed) {
      this.#timer = setTimeout(() => void this.flush(), this.#options.limits.workerLogIntervalMs);
      letGo(this.#timer);
    }
    return page;
  }
}
