import { type JobSpec, projectOf } from "../../protocol/index.ts";
import { requeue } from "../matching/fairness.ts";
import type { Job, Quota, Scheduler } from "../state/state.ts";
import type { EventOf } from "../types.ts";
import { lookLater } from "./tail.ts";

/** What all jobs of a project share. */
export function quotaOf(state: Scheduler, spec: Pick<JobSpec, "project">): Quota {
  return quotaNamed(state, projectOf(spec));
}

function quotaNamed(state: Scheduler, project: string): Quota {
  let quota = state.quotas.get(project);
  if (quota === undefined) {
    quota = { project, leasesMax: Number.POSITIVE_INFINITY, leases: 0, jobs: new Set() };
    state.quotas.set(project, quota);
  }
  return quota;
}

/** Units of a project's jobs that are under way. */
export const projectLeases = (state: Scheduler, project: string): number =>
  state.quotas.get(project)?.leases ?? 0;

/** A project may have so many leases at once from now on; those above that end by themselves. */
export function projectLimited(state: Scheduler, event: EventOf<"ProjectLimited">): void {
  const { project, leasesMax } = event;
  const quota = quotaNamed(state, project);
  quota.leasesMax = leasesMax === null ? Number.POSITIVE_INFINITY : Math.max(0, leasesMax);
  state.thawed.add(quota);
  forgetEmpty(state, quota);
}

/** A lease of a job was given. */
export function countLease(state: Scheduler, job: Job): void {
  const { quota } = job;
  quota.leases++;
  if (quota.leases === quota.leasesMax) for (const other of quota.jobs) requeue(state, other);
}

/** A lease of a job is over. */
export function discountLease(state: Scheduler, { quota }: Job): void {
  if (quota.leases-- === quota.leasesMax) state.thawed.add(quota);
}

/** Lets jobs go on whose projects have given leases back in this step. */
export function thaw(state: Scheduler): void {
  for (const quota of state.thawed) {
    for (const job of quota.jobs) {
      requeue(state, job);
      if (job.leases.size > 0) lookLater(state, job);
    }
  }
  state.thawed.clear();
}

/** A job has left. */
export function leaveQuota(state: Scheduler, job: Job): void {
  const { quota } = job;
  quota.jobs.delete(job);
  forgetEmpty(state, quota);
}

/** Nobody has a quota that limits nothing. */
function forgetEmpty(state: Scheduler, quota: Quota): void {
  if (quota.jobs.size > 0 || quota.leasesMax !== Number.POSITIVE_INFINITY) return;
  state.quotas.delete(quota.project);
  state.thawed.delete(quota);
}
