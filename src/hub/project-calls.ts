import { z } from "zod";
import { type InviteSummary, MusketeersError, type ProjectCalls } from "../protocol/index.ts";
import type { Coordinator } from "./coordinator.ts";
import { projectOfDataset, type Scope } from "./scope.ts";

/** What calls about projects need besides the coordinator. */
export interface ProjectCallHost {
  invites(): InviteSummary[];
  revoke(idOrLabel: string, own: string): Promise<InviteSummary[]>;
}

const project = z.string().min(1).max(64);
const bound = z.int().min(0).nullable().optional();
const limits = z.object({ inputsMax: bound, bytesMax: bound, leasesMax: bound, jobsPerMinuteMax: bound });

export const projectSchemas = {
  projects: z.object({}),
  project: z.object({ project }),
  createProject: z.object({
    project,
    rootKey: z.string().regex(/^[0-9a-f]{64}$/, "no key"),
    limits: limits.optional(),
  }),
  limitProject: z.object({ project, limits }),
  members: z.object({ project }),
  removeProject: z.object({ project }),
};

type Answers = {
  [M in keyof ProjectCalls]: (
    params: ProjectCalls[M]["params"],
  ) => ProjectCalls[M]["value"] | Promise<ProjectCalls[M]["value"]>;
};

/** What was not said stays as it is. */
const said = <T extends object>(changes: T): T =>
  Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as T;

/** Answers calls about projects. */
export function projectAnswers(
  { books, datasets, cancel }: Pick<Coordinator, "books" | "datasets"> & { cancel(job: string): void },
  host: ProjectCallHost,
  caller: { readonly id: string; readonly label: string },
  scope: Scope,
): Answers {
  const { projects } = books;
  const visible = (name: string) => {
    // Of other projects nobody is told whether they are there.
    return projects.require(scope.hasProject(name) ? name : "");
  };
  const membersOf = (name: string) => host.invites().filter((invite) => invite.project === name);
  return {
    projects: () => {
      const seen = projects.list().filter(({ name }) => scope.hasProject(name));
      return seen.map((each) => books.summaryOf(each));
    },
    project: (params) => books.summaryOf(visible(params.project)),
    createProject: async ({ project: name, rootKey, limits: given = {} }) =>
      books.summaryOf(await projects.create({ name, rootKey, owner: caller.label }, said(given))),
    limitProject: async ({ project: name, limits: given }) =>
      books.summaryOf(await projects.limit(name, said(given))),
    members: (params) => membersOf(projects.require(params.project).name),
    removeProject: async ({ project: name }) => {
      const removed = books.summaryOf(projects.require(name));
      const members = membersOf(name).filter(({ revokedAtMs }) => revokedAtMs === null);
      if (members.some(({ id }) => id === caller.id)) {
        throw new MusketeersError("BAD_ARGUMENT", "The invite that you are using is one of this project's", {
          hint: "Remove it with another admin's invite: musketeers invite --role admin.",
        });
      }
      await projects.remove(name);
      for (const { id } of members) await host.revoke(id, caller.id);
      for (const entry of books.jobsOf(name)) if (entry.state === "running") cancel(entry.spec.job);
      for (const dataset of datasets.list()) {
        if (projectOfDataset(dataset.name) === name) await datasets.remove(dataset.name);
      }
      return removed;
    },
  };
}
