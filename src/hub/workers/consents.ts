import {
  CONTAINER_CAPABILITY,
  imageAllowed,
  type JobState,
  type Limits,
  netAllows,
  type TaskSpec,
  type WorkerDescription,
} from "../../protocol/index.ts";

/** A connected worker, as far as its volunteer can be asked. */
export interface Askable {
  readonly worker: string;
  readonly description: Pick<WorkerDescription, "allowNet" | "memoryBytes" | "capabilities" | "allowImages">;
  ask(job: string, task: TaskSpec): void;
}

/** A job as far as somebody may have to agree to it. */
interface Asker {
  readonly spec: { readonly job: string; readonly task: TaskSpec };
  readonly state: JobState;
}

export interface ConsentsOptions {
  readonly workers: ReadonlyMap<string, Askable>;
  readonly jobs: { get(job: string): Asker | undefined; submissions(): Iterable<Asker> };
  readonly limits: Pick<Limits, "consentRequestsMax">;
}

/** Whether a job asks for something that this worker's volunteer has not allowed. */
const exceeds = (
  { net, image, memoryBytes }: TaskSpec,
  { allowNet, allowImages = [], memoryBytes: bytesMax }: Askable["description"],
) =>
  memoryBytes > bytesMax ||
  net.some((host) => !netAllows(allowNet, host)) ||
  (image !== undefined && !imageAllowed(allowImages, image));

/** Nobody is asked for images who runs no containers. */
const canRun = ({ image }: TaskSpec, { capabilities }: Askable["description"]) =>
  image === undefined || capabilities.includes(CONTAINER_CAPABILITY);

/** Has workers ask their volunteers for what jobs need, and counts those who were asked. */
export class Consents {
  readonly #options: ConsentsOptions;
  /** Jobs about which a worker was told on its connection. */
  readonly #told = new Map<string, Set<string>>();
  /** Workers whose volunteers were asked, by job. */
  readonly #asked = new Map<string, Set<string>>();

  constructor(options: ConsentsOptions) {
    this.#options = options;
  }

  workerReady(worker: Askable): void {
    for (const job of this.#options.jobs.submissions()) if (job.state === "running") this.#tell(worker, job);
  }

  jobAdded(job: Asker): void {
    for (const id of this.#asked.keys()) {
      if (this.#options.jobs.get(id)?.state !== "running") this.#asked.delete(id);
    }
    for (const worker of this.#options.workers.values()) this.#tell(worker, job);
  }

  #tell(worker: Askable, { spec: { job, task } }: Asker): void {
    if (!exceeds(task, worker.description) || !canRun(task, worker.description)) return;
    const told = this.#told.get(worker.worker) ?? new Set();
    if (told.has(job) || told.size >= this.#options.limits.consentRequestsMax) return;
    told.add(job);
    this.#told.set(worker.worker, told);
    worker.ask(job, task);
  }

  /** A worker's volunteer was asked; what nobody told it to ask does not count. */
  asked(worker: string, job: string): void {
    if (this.#told.get(worker)?.has(job) !== true) return;
    const asked = this.#asked.get(job) ?? new Set();
    asked.add(worker);
    this.#asked.set(job, asked);
  }

  workerGone(worker: string): void {
    for (const job of this.#told.get(worker) ?? []) this.#asked.get(job)?.delete(worker);
    this.#told.delete(worker);
  }

  /** How many connected workers wait for their volunteers' consent to a job. */
  waitingFor(job: string): number {
    return this.#asked.get(job)?.size ?? 0;
  }

  /** Why nothing happens, with those who wait for their volunteers; empty where something does. */
  explain(job: string, why: string): string {
    const waiting = this.waitingFor(job);
    if (why === "" || waiting === 0) return why;
    const workers = waiting === 1 ? "1 worker waits" : `${waiting} workers wait`;
    return `${why}; ${workers} for the consent of their volunteers`;
  }
}
