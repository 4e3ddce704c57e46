import type { JobSpec } from "./messages/task.ts";
import type { WorkerDescription } from "./messages/worker.ts";

/** The project of jobs and invites that name none. */
export const DEFAULT_PROJECT = "default";

/** What a hub knows of a worker by its invite and its key, whatever the worker says of itself. */
export interface Standing {
  /** Who answers for it: the same text is the same person; empty where nobody knows. */
  readonly person: string;
  /** The hub's owner vouches for it. */
  readonly trusted: boolean;
  /** Names of the projects whose jobs it is given. */
  readonly projects: readonly string[];
}

/** A worker as its hub knows it. */
export interface EnrolledWorker extends WorkerDescription, Standing {}

/** The project that a job belongs to. */
export const projectOf = (spec: Pick<JobSpec, "project">): string => spec.project ?? DEFAULT_PROJECT;

/** Whether a worker is to be given jobs of a project. */
export const serves = ({ projects }: Pick<Standing, "projects">, project: string): boolean =>
  projects.includes(project);
