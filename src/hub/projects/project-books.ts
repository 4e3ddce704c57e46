import {
  type EnrolledWorker,
  type JobSpec,
  type ProjectSummary,
  type ProjectUsage,
  projectOf,
  serves,
} from "../../protocol/index.ts";
import { projectLeases, type Scheduler, type SchedulerEvent, type Untimed } from "../../scheduler/index.ts";
import type { Datasets } from "../datasets/datasets.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Project, Projects } from "./projects.ts";
import { projectOfDataset } from "./scope.ts";

/** A worker that serves projects. */
interface Server {
  readonly description: EnrolledWorker;
  tellRevoked(list: Uint8Array): void;
}

export interface ProjectBooksHost {
  readonly projects: Projects;
  readonly jobs: Jobs;
  readonly datasets: Datasets;
  readonly workers: ReadonlyMap<string, Server>;
  readonly scheduler: Scheduler;
  feed(event: Untimed<SchedulerEvent>): void;
}

/** What each project uses of the hub, and whether it may have more. */
export class ProjectBooks {
  readonly projects: Projects;
  readonly #host: ProjectBooksHost;

  constructor(host: ProjectBooksHost) {
    this.projects = host.projects;
    this.#host = host;
    this.projects.onRevoked = (project) => {
      for (const session of this.#host.workers.values()) this.#tellRevoked(session, project);
    };
    this.projects.onLimits = (project) => this.#limit(project);
    host.datasets.admit = (name, bytes) => {
      const project = projectOfDataset(name);
      if (bytes > 0) this.projects.admit(project, { inputs: 0, bytes }, () => this.usageOf(project));
    };
  }

  /** Tells a new scheduler the limits. */
  start(): void {
    for (const project of this.projects.list()) {
      if (project.limits.leasesMax !== null) this.#limit(project);
    }
  }

  /**
   * Lets a new job in.
   * @throws MusketeersError `TOO_MANY`, `LIMIT_EXCEEDED`; `NOT_FOUND` where its project is no more
   */
  submit(spec: JobSpec, inputs: number, bytes: number): void {
    this.admit(spec, inputs, bytes);
    this.projects.submit(projectOf(spec));
  }

  /**
   * Lets more inputs of a job in.
   * @throws MusketeersError `LIMIT_EXCEEDED`; `NOT_FOUND` where its project is no more
   */
  admit(spec: JobSpec, inputs: number, bytes: number): void {
    const project = projectOf(spec);
    this.projects.admit(project, { inputs, bytes }, () => this.usageOf(project));
  }

  usageOf(project: string): ProjectUsage {
    let jobs = 0;
    let jobsRunning = 0;
    let inputs = 0;
    let bytes = 0;
    for (const entry of this.jobsOf(project)) {
      jobs++;
      bytes += entry.storedBytes + (entry.map?.storedBytes ?? 0);
      if (entry.state !== "running") continue;
      jobsRunning++;
      inputs += entry.size - entry.done + (entry.map === undefined ? 0 : entry.map.size - entry.map.done);
    }
    for (const dataset of this.#host.datasets.list()) {
      if (projectOfDataset(dataset.name) === project) bytes += dataset.bytes;
    }
    let workers = 0;
    for (const { description } of this.#host.workers.values()) if (serves(description, project)) workers++;
    return {
      jobs,
      jobsRunning,
      inputs,
      bytes,
      leases: projectLeases(this.#host.scheduler, project),
      workers,
    };
  }

  summaryOf(project: Project): ProjectSummary {
    const { revocations: _, ...rest } = project;
    return { ...rest, usage: this.usageOf(project.name) };
  }

  /** A worker is there: it hears which certificates its project's owner has taken back. */
  workerReady(session: Server): void {
    for (const project of this.projects.list()) this.#tellRevoked(session, project);
  }

  #tellRevoked(session: Server, { name, revocations }: Project): void {
    if (revocations !== undefined && serves(session.description, name)) session.tellRevoked(revocations);
  }

  *jobsOf(project: string): Generator<JobEntry> {
    for (const entry of this.#host.jobs.submissions()) if (projectOf(entry.spec) === project) yield entry;
  }

  #limit({ name, limits }: Project): void {
    this.#host.feed({ type: "ProjectLimited", project: name, leasesMax: limits.leasesMax });
  }
}
