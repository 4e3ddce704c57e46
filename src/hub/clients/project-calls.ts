import { z } from "zod";
import { MusketeersError, type ProjectCalls } from "../../protocol/index.ts";
import { openRevocations } from "../../security/index.ts";
import type { Project } from "../projects/projects.ts";
import { projectOfDataset, type Scope } from "../projects/scope.ts";
import type { CallHost } from "../views/call-host.ts";
import type { HubView } from "../views/hub-view.ts";

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
  revocations: z.object({ project }),
  putRevocations: z.object({ project, list: z.instanceof(Uint8Array) }),
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

/**
 * Refuses a list that its project's workers would not believe, as far as the hub knows the root key.
 * @throws MusketeersError `BAD_ARGUMENT`
 */
function checkRevocations({ name, rootKey, revocations }: Project, list: Uint8Array): void {
  if (rootKey === "") return;
  const key = Buffer.from(rootKey, "hex");
  const opened = openRevocations(list, key, name);
  const before = revocations === undefined ? undefined : openRevocations(revocations, key, name);
  if (opened !== undefined && opened.issuedAtMs >= (before?.issuedAtMs ?? 0)) return;
  throw new MusketeersError("BAD_ARGUMENT", `This is no later list of the owner of the project ${name}`, {
    hint: "Only who has the project's root key makes one: musketeers project revoke.",
  });
}

/** Answers calls about projects. */
export function projectAnswers(
  {
    books,
    datasets,
    limits: { revocationBytesMax },
    cancel,
  }: Pick<HubView, "books" | "datasets" | "limits"> & { cancel(job: string): void },
  host: Pick<CallHost, "invites" | "revoke">,
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
    revocations: (params) => projects.require(params.project).revocations ?? null,
    putRevocations: async ({ project: name, list }) => {
      if (list.length > revocationBytesMax) {
        const text = `The list has ${list.length} bytes, and may have ${revocationBytesMax} (revocationBytesMax)`;
        throw new MusketeersError("LIMIT_EXCEEDED", text);
      }
      checkRevocations(projects.require(name), list);
      return books.summaryOf(await projects.revoke(name, list));
    },
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
