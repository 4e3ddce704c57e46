import type { InviteSummary } from "./invite-summary.ts";
import type { Role } from "./messages/handshake.ts";

/** What a project may use of a hub, all of its members together; null: as much as there is. */
export interface ProjectLimits {
  /** Inputs of its running jobs that have no result yet. */
  readonly inputsMax: number | null;
  /** What the journal holds of its jobs, and the files of its datasets. */
  readonly bytesMax: number | null;
  /** Units under way at once. */
  readonly leasesMax: number | null;
  /** Submissions a minute. */
  readonly jobsPerMinuteMax: number | null;
}

export const noProjectLimits: ProjectLimits = Object.freeze({
  inputsMax: null,
  bytesMax: null,
  leasesMax: null,
  jobsPerMinuteMax: null,
});

/** What a project uses of that. */
export interface ProjectUsage {
  readonly jobs: number;
  readonly jobsRunning: number;
  readonly inputs: number;
  readonly bytes: number;
  readonly leases: number;
  readonly workers: number;
}

export interface ProjectSummary {
  readonly name: string;
  /** Public root key in hexadecimal, whose secret half its owner keeps; empty where nobody told the hub. */
  readonly rootKey: string;
  /** Label of the invite of whoever created it. */
  readonly owner: string;
  readonly createdAtMs: number;
  readonly limits: ProjectLimits;
  readonly usage: ProjectUsage;
}

/** Calls about projects. */
export interface ProjectCalls {
  /** Those that the caller is a member of; all of them for admins. By name. */
  projects: { params: Record<string, never>; value: readonly ProjectSummary[] };
  project: { params: { readonly project: string }; value: ProjectSummary };
  /** @see ProjectSummary.rootKey */
  createProject: {
    params: { readonly project: string; readonly rootKey: string; readonly limits?: Partial<ProjectLimits> };
    value: ProjectSummary;
  };
  /** Changes the limits that are given. */
  limitProject: {
    params: { readonly project: string; readonly limits: Partial<ProjectLimits> };
    value: ProjectSummary;
  };
  /** The invites of a project that have not expired: its members with their roles. The newest first. */
  members: { params: { readonly project: string }; value: readonly InviteSummary[] };
  /** The certificates that its owner has taken back, as a list signed by its root key; null: none. */
  revocations: { params: { readonly project: string }; value: Uint8Array | null };
  /** Puts a later list in the place of that, and tells connected workers. */
  putRevocations: {
    params: { readonly project: string; readonly list: Uint8Array };
    value: ProjectSummary;
  };
  /** Ends its jobs, takes its invites back, and forgets it and the names of its datasets; says what it was. */
  removeProject: { params: { readonly project: string }; value: ProjectSummary };
}

export const projectCallRoles: Readonly<Record<keyof ProjectCalls, readonly Role[]>> = Object.freeze({
  projects: ["admin", "submitter", "viewer"],
  project: ["admin", "submitter", "viewer"],
  createProject: ["admin"],
  limitProject: ["admin"],
  members: ["admin"],
  revocations: ["admin"],
  putRevocations: ["admin"],
  removeProject: ["admin"],
});

const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Whether a text can be the name of a project. */
export const isProjectName = (name: string): boolean => namePattern.test(name);
