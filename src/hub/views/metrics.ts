import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { jobView, workerView } from "../../scheduler/index.ts";
import type { HubView } from "./hub-view.ts";
import { LoopWatch } from "./loop-watch.ts";

/** What metrics need besides the coordinator. */
export interface MetricsHost {
  /** Live connections, by role. */
  connections(): ReadonlyMap<string, number>;
  /** Bytes that wait to leave, to all peers together. */
  bufferedBytes(): number;
}

type Reading = () => number | ReadonlyMap<string, number>;

/** A hub's metrics for Prometheus; everything is read when it is asked for. `docs/metrics.md` lists the names. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #idleMs: number;
  #loop: LoopWatch | undefined;

  constructor(hub: HubView, host: MetricsHost) {
    const { throughput } = hub;
    this.#idleMs = hub.limits.metricsIdleMs;
    this.#counter(
      "inputs_done_total",
      "Inputs that got their result since the hub's start",
      () => throughput.total,
    );
    this.#counter("inputs_failed_total", "Of these, those that failed for good", () => throughput.failed);
    this.#counter("blob_sent_bytes_total", "Bytes of blobs that the hub sent", () => hub.blobBytesSent);
    this.#gaugesOfWork(hub);
    this.#gaugesOfWorkers(hub);
    this.#gaugesOfStorage(hub);
    this.#gauge("connections", "Live connections, by role", host.connections, "role");
    this.#gauge("send_buffer_bytes", "Bytes that wait to leave, to all peers together", host.bufferedBytes);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything in Prometheus' text format. */
  async text(): Promise<string> {
    // Those of the process begin with who first asks.
    this.#loop ??= new LoopWatch(() => collectDefaultMetrics({ register: this.#registry }), this.#idleMs);
    await this.#loop.reading();
    return this.#registry.metrics();
  }

  close(): void {
    this.#loop?.stop();
  }

  #gaugesOfWork({ jobs, scheduler }: HubView): void {
    const ofRunning = (read: (job: string) => number): number => {
      let sum = 0;
      for (const { state, spec } of jobs) if (state === "running") sum += read(spec.job);
      return sum;
    };
    this.#gauge(
      "jobs",
      "Jobs that the hub knows, by state",
      () => countBy(jobs, ({ state }) => state),
      "state",
    );
    this.#gauge("inputs_running", "Inputs under a lease", () =>
      ofRunning((job) => jobView(scheduler, job)?.running ?? 0),
    );
    this.#gauge("inputs_retrying", "Inputs that wait for another try", () =>
      ofRunning((job) => jobView(scheduler, job)?.retrying ?? 0),
    );
    this.#gauge("inputs_waiting", "Inputs of running jobs that have no result and no lease", () =>
      ofRunning((job) => {
        const view = jobView(scheduler, job);
        return view === undefined ? 0 : view.size - view.done - view.running;
      }),
    );
    this.#gauge("jobs_stuck", "Running jobs that no connected worker can serve", () =>
      ofRunning((job) => {
        const { waiting = "", paused = false } = jobView(scheduler, job) ?? {};
        return waiting === "" || paused ? 0 : 1;
      }),
    );
  }

  #gaugesOfWorkers({ workers, scheduler }: HubView): void {
    const slotsOf = (read: "slots" | "busySlots"): number => {
      let sum = 0;
      for (const worker of workers.keys()) sum += workerView(scheduler, worker)?.[read] ?? 0;
      return sum;
    };
    this.#gauge(
      "workers",
      "Connected workers, by platform",
      () => countBy(workers.values(), ({ description: { platform, arch } }) => `${platform}/${arch}`),
      "platform",
    );
    this.#gauge("slots", "Slots of all workers", () => slotsOf("slots"));
    this.#gauge("slots_busy", "Of these, those that run something", () => slotsOf("busySlots"));
  }

  #gaugesOfStorage({ engine }: HubView): void {
    this.#gauge("journal_bytes", "What the journal holds", () => engine.journal.stats().bytes);
    this.#gauge("journal_records", "Records in the journal", () => engine.journal.stats().records);
    this.#gauge(
      "storage_faults",
      "What cannot be stored now, and what is damaged",
      () => engine.faults().length,
    );
  }

  #counter(name: string, help: string, read: () => number): void {
    new Counter({
      name: `musketeers_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #gauge(name: string, help: string, read: Reading, label?: string): void {
    new Gauge({
      name: `musketeers_${name}`,
      help,
      registers: [this.#registry],
      labelNames: label === undefined ? [] : [label],
      collect() {
        const reading = read();
        this.reset();
        if (typeof reading === "number") this.set(reading);
        else for (const [value, count] of reading) this.set({ [label!]: value }, count);
      },
    });
  }
}

function countBy<T>(items: Iterable<T>, key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
