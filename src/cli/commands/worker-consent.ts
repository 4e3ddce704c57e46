import type { Command } from "commander";
import { MusketeersError } from "../../protocol/index.ts";
import type { ConsentFile, ConsentRequest, Granted } from "../../worker/node.ts";
import { openConsentFile } from "../consent/consent.ts";
import { renderAsks } from "../consent/consent-text.ts";
import { grantImage, imageIn, withdrawImage } from "../consent/image-consent.ts";
import { type Context, type JsonOption, jsonOption } from "../context.ts";
import { plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";

interface OfProject extends JsonOption {
  readonly project?: string;
}

interface GrantOptions extends OfProject {
  readonly all?: boolean;
}

function renderRequest({ id, project, hub, task, submitter, ...asks }: ConsentRequest): string {
  const whose = submitter === "" ? "" : ` of ${printable(submitter)}`;
  const where = `project ${printable(project)} at ${printable(hub)}`;
  return `${id}  ${printable(task)}${whose}, ${where}: ${renderAsks(asks)}\n`;
}

const renderGranted = (granted: Granted): string =>
  `${printable(granted.project)} at ${printable(granted.hub)}: ${renderAsks(granted)} ` +
  `(since ${new Date(granted.atMs).toISOString().slice(0, 10)})\n`;

async function show(
  file: ConsentFile,
  { terminal, outStyle }: Context,
  json: boolean | undefined,
): Promise<void> {
  const { projects, requests } = await file.read();
  if (json) {
    const granted = Object.entries(projects).map(([id, each]) => ({ id, ...each }));
    return terminal.out(jsonLine({ granted, requests }));
  }
  const granted = Object.values(projects);
  terminal.out(granted.length === 0 ? "Nothing was granted yet.\n" : outStyle.bold("Granted\n"));
  for (const each of granted) terminal.out(`  ${renderGranted(each)}`);
  if (requests.length === 0) return terminal.out("Nobody asks for more.\n");
  terminal.out(outStyle.bold("Asked for\n"));
  for (const each of requests) terminal.out(`  ${renderRequest(each)}`);
  terminal.out(outStyle.dim("Allow one with: musketeers worker grant ID; all with --all\n"));
}

/** Those of the arguments that are images. */
async function grantImages(
  file: ConsentFile,
  ids: readonly string[],
  { project, json }: GrantOptions,
  { terminal, outStyle }: Context,
): Promise<void> {
  for (const image of ids.flatMap((id) => imageIn(id) ?? [])) {
    const projects = await grantImage(file, image, { project, atMs: terminal.now() });
    const names = projects.map(printable).join(", ");
    if (!json) terminal.out(`${outStyle.good("Granted")} containers of ${printable(image)} to ${names}\n`);
  }
}

async function grant(ids: readonly string[], options: GrantOptions, context: Context): Promise<void> {
  const { terminal, outStyle } = context;
  const file = await openConsentFile(terminal.env);
  if (ids.length === 0 && !options.all) return show(file, context, options.json);
  await grantImages(file, ids, options, context);
  const { requests } = await file.read();
  const chosen = requests.filter(({ id }) => options.all || ids.includes(id));
  const unknown = ids.find((id) => imageIn(id) === undefined && !requests.some((each) => each.id === id));
  if (unknown !== undefined) {
    throw new MusketeersError("NOT_FOUND", `Nobody asks for ${JSON.stringify(unknown)}`, {
      hint: "See what is asked for with `musketeers worker grant`.",
    });
  }
  for (const request of chosen) {
    const { of, project, hub } = request;
    await file.grant(of, request, { project, hub, atMs: terminal.now() });
    if (!options.json) terminal.out(`${outStyle.good("Granted")} ${renderRequest(request)}`);
  }
  if (options.json) terminal.out(jsonLine({ granted: chosen }));
}

async function withdraw(project: string, options: OfProject, context: Context): Promise<void> {
  const { json } = options;
  const file = await openConsentFile(context.terminal.env);
  const image = imageIn(project);
  if (image !== undefined) {
    const count = await withdrawImage(file, image, options.project);
    const text = `Took back ${printable(image)} from ${plural(count, "project")}; running workers hear of it at once.\n`;
    return context.terminal.out(json ? jsonLine({ withdrawn: image, projects: count }) : text);
  }
  const { projects } = await file.read();
  const found = Object.entries(projects).filter(([id, each]) => id === project || each.project === project);
  if (found.length === 0) {
    throw new MusketeersError("NOT_FOUND", `Nothing was granted to ${JSON.stringify(project)}`, {
      hint: "See what was with `musketeers worker grant`.",
    });
  }
  for (const [id] of found) await file.withdraw(id);
  context.terminal.out(
    json
      ? jsonLine({ withdrawn: found.map(([id]) => id) })
      : `Took back what was granted to ${plural(found.length, "project")}; joining asks again.\n`,
  );
}

/** What a volunteer grants to projects, and takes back. */
export function addWorkerConsent(worker: Command, context: Context): void {
  worker
    .command("grant")
    .argument(
      "[requests...]",
      "what `join` calls them, or image:NAME@sha256:…; without one, all that is granted and asked for is listed",
    )
    .description("let tasks have more of what they ask for; running workers hear of it at once")
    .option("--all", "everything that is asked for")
    .option("--project <name>", "for which project an image is, where nobody asks for it yet")
    .addOption(jsonOption())
    .action((ids: readonly string[], _options: GrantOptions, command: Command) =>
      grant(ids, command.optsWithGlobals(), context),
    );
  worker
    .command("withdraw")
    .argument("<project>", "its name, or what `worker grant --json` calls it; or image:NAME@sha256:…")
    .description("take back all that a project was granted, or an image")
    .option("--project <name>", "take an image back from this project only")
    .addOption(jsonOption())
    .action((project: string, _options: OfProject, command: Command) =>
      withdraw(project, command.optsWithGlobals(), context),
    );
}
