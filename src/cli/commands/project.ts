import { rm } from "node:fs/promises";
import type { Command } from "commander";
import { findInvite, findProjectKey, loadOrCreateProjectKey, projectKeyFile } from "../../client/node.ts";
import { isProjectName, MusketeersError, type ProjectSummary } from "../../protocol/index.ts";
import { parseInvite, publicKeyOf } from "../../security/index.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { bytes, count, duration, plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { type Column, renderTable } from "../render/table.ts";
import type { Environment } from "../terminal.ts";
import { renderInvites } from "./invites.ts";
import { addProjectLimitOptions, limitsOf, type ProjectLimitOptions } from "./project-limits.ts";
import { addProjectRevoke } from "./project-revoke.ts";

const of = (used: number, most: number | null, show: (value: number) => string): string =>
  most === null ? show(used) : `${show(used)} of ${show(most)}`;

const columns = (nowMs: number): readonly Column<ProjectSummary>[] => [
  { title: "PROJECT", value: ({ name }) => printable(name) },
  { title: "JOBS", value: ({ usage }) => count(usage.jobsRunning), align: "right" },
  {
    title: "INPUTS",
    value: ({ usage, limits }) => of(usage.inputs, limits.inputsMax, count),
    align: "right",
  },
  { title: "STORED", value: ({ usage, limits }) => of(usage.bytes, limits.bytesMax, bytes), align: "right" },
  {
    title: "UNITS",
    value: ({ usage, limits }) => of(usage.leases, limits.leasesMax, count),
    align: "right",
  },
  { title: "WORKERS", value: ({ usage }) => count(usage.workers), align: "right" },
  { title: "OWNER", value: ({ owner }) => printable(owner) },
  {
    title: "AGE",
    value: ({ createdAtMs }) => (createdAtMs === 0 ? "" : duration(nowMs - createdAtMs)),
    align: "right",
  },
];

/** Projects for people. */
export const renderProjects = (projects: readonly ProjectSummary[], nowMs: number, style: Style): string =>
  renderTable(columns(nowMs), projects, style.bold);

/** One project for people. */
export function renderProject({ name, rootKey, owner, limits, usage }: ProjectSummary, style: Style): string {
  const rate = limits.jobsPerMinuteMax === null ? "any number" : `${count(limits.jobsPerMinuteMax)} a minute`;
  const line = (what: string, value: string) => `  ${what.padEnd(12)} ${value}\n`;
  return [
    `${style.bold(printable(name))}\n`,
    line("root key", rootKey === "" ? "not known to the hub" : rootKey),
    line("created by", owner === "" ? "-" : printable(owner)),
    line("jobs", `${count(usage.jobsRunning)} running, ${count(usage.jobs - usage.jobsRunning)} ended`),
    line("inputs", of(usage.inputs, limits.inputsMax, count)),
    line("stored", of(usage.bytes, limits.bytesMax, bytes)),
    line("units", of(usage.leases, limits.leasesMax, count)),
    line("submissions", rate),
    line("workers", count(usage.workers)),
  ].join("");
}

/** Makes the root key of a new project, and lets it go again where the hub does not take the project. */
async function withNewKey<T>(
  hubKey: Uint8Array,
  project: string,
  env: Environment,
  use: (rootKey: string) => Promise<T>,
): Promise<T> {
  if (!isProjectName(project)) {
    throw new MusketeersError("BAD_ARGUMENT", `No name of a project: ${JSON.stringify(project)}`, {
      hint: "Up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit.",
    });
  }
  const before = await findProjectKey(hubKey, project, env);
  const key = before ?? (await loadOrCreateProjectKey(hubKey, project, env));
  try {
    return await use(Buffer.from(publicKeyOf(key)).toString("hex"));
  } catch (error) {
    // Whoever has no key is not taken for the owner.
    if (before === undefined) await rm(projectKeyFile(hubKey, project, env), { force: true });
    throw error;
  }
}

async function create(
  project: string,
  options: HubOption & ProjectLimitOptions,
  context: Context,
): Promise<void> {
  const { terminal, outStyle, errStyle } = context;
  const limits = limitsOf(options);
  const { hubKey } = parseInvite(await findInvite(options.hub, terminal.env));
  const made = await withNewKey(hubKey, project, terminal.env, (rootKey) =>
    withCluster(context, options, (cluster) => cluster.call("createProject", { project, rootKey, limits })),
  );
  if (options.json) terminal.out(jsonLine(made));
  else terminal.out(`${outStyle.good("Created")} the project ${project}.\n`);
  terminal.err(
    errStyle.dim(
      `Its root key is in ${projectKeyFile(hubKey, project, terminal.env)}, and nowhere else: keep a copy.\n` +
        `Let people in: musketeers invite --project ${project} --role submitter|worker|viewer\n`,
    ),
  );
}

/** Adds a command below `project` that asks the hub about one of its projects. */
function addQuestion<T extends HubOption>(
  parent: Command,
  name: string,
  description: string,
  action: (project: string, options: T) => Promise<void>,
): Command {
  return withHubOptions(parent.command(name).description(description))
    .argument("<name>", "of the project")
    .action(action);
}

export function addProject(program: Command, context: Context): void {
  const { terminal, outStyle } = context;
  const parent = program.command("project");
  const show = (made: ProjectSummary, { json }: HubOption) =>
    terminal.out(json ? jsonLine(made) : renderProject(made, outStyle));
  addProjectLimitOptions(
    addQuestion<HubOption & ProjectLimitOptions>(
      parent,
      "create",
      "create a project, whose root key stays with you (for admins)",
      (project, options) => create(project, options, context),
    ),
  );
  withHubOptions(parent.command("list").description("the projects that you may see")).action(
    async (options: HubOption) => {
      const projects = await withCluster(context, options, (cluster) => cluster.call("projects", {}));
      terminal.out(options.json ? jsonLine(projects) : renderProjects(projects, terminal.now(), outStyle));
    },
  );
  addQuestion<HubOption>(parent, "show", "what a project uses, and may use", async (project, options) =>
    show(await withCluster(context, options, (cluster) => cluster.call("project", { project })), options),
  );
  addProjectLimitOptions(
    addQuestion<HubOption & ProjectLimitOptions>(
      parent,
      "limits",
      "change what a project may use (for admins)",
      async (project, options) => {
        const limits = limitsOf(options);
        show(
          await withCluster(context, options, (cluster) => cluster.call("limitProject", { project, limits })),
          options,
        );
      },
    ),
  );
  addQuestion<HubOption>(
    parent,
    "members",
    "the invites of a project, with their roles (for admins)",
    async (project, options) => {
      const members = await withCluster(context, options, (cluster) => cluster.call("members", { project }));
      terminal.out(options.json ? jsonLine(members) : renderInvites(members, terminal.now(), outStyle));
    },
  );
  addProjectRevoke(parent, context);
  addQuestion<HubOption>(
    parent,
    "remove",
    "end a project's jobs, take its invites back and forget its datasets (for admins)",
    async (project, options) => {
      const removed = await withCluster(context, options, (cluster) =>
        cluster.call("removeProject", { project }),
      );
      const jobs = plural(removed.usage.jobsRunning, "running job");
      terminal.out(
        options.json
          ? jsonLine(removed)
          : `${outStyle.good("Removed")} the project ${project}, with ${jobs}.\n`,
      );
    },
  );
  withExamples(
    parent,
    ["musketeers project create stars --inputs 1000000 --size 10GB", "a project with bounds"],
    ["musketeers invite --project stars --role submitter --label ana", "let ana submit to it"],
    ["musketeers project limits stars --units 50 --rate none", "change them"],
    ["musketeers project members stars --json", "who may do what"],
    ["musketeers project revoke stars ana", "take back what ana may sign, before its date"],
  );
}
