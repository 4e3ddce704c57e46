import { type Command, Option } from "commander";
import { findInvite } from "../../client/node.ts";
import { defaultLimits, type InviteParams, type Role, roles } from "../../protocol/index.ts";
import { parseInvite } from "../../security/index.ts";
import { askedImageArgument } from "../arguments/container-options.ts";
import {
  type Context,
  durationArgument,
  type HubOption,
  integerArgument,
  listArgument,
  sizeArgument,
  withCluster,
  withExamples,
  withHubOptions,
} from "../context.ts";
import { endorseAs } from "../files/endorse.ts";
import { duration } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";

interface InviteOptions extends HubOption {
  readonly role: Role;
  readonly expires: number;
  readonly label?: string;
  readonly asksNet: readonly string[];
  readonly asksMemory?: number;
  readonly asksImage: readonly string[];
  readonly project?: string;
  readonly uses?: number;
  readonly people?: number;
  readonly person?: string;
  readonly trusted?: boolean;
}

export const INVITE_EXPIRES_MS = 7 * 24 * 3_600_000;

const usage: Readonly<Record<Role, string>> = {
  worker: "It lets a machine work for this hub.",
  submitter: "It lets its holder run code on this cluster. Use it with: musketeers login 'INVITE'",
  viewer: "It lets its holder watch. Use it with: musketeers login 'INVITE', or open it in a browser.",
  admin: "It lets its holder do everything, inviting others included. Use it with: musketeers login 'INVITE'",
};

export function addInvite(program: Command, context: Context): void {
  const command = withHubOptions(program.command("invite"))
    .addOption(new Option("--role <role>", "what it allows").choices(roles).makeOptionMandatory())
    .option(
      "--expires <time>",
      "until when it can be used, such as 12h or 7d (default: 7d)",
      durationArgument,
      INVITE_EXPIRES_MS,
    )
    .option("--label <text>", "a note on whom it is for; volunteers read whose work they did")
    .option(
      "--asks-net <host>",
      "a host that the project asks volunteers to let its tasks reach; may be repeated",
      listArgument,
      [],
    )
    .option("--asks-memory <size>", "memory that its tasks need, such as 2GB", sizeArgument)
    .option(
      "--asks-image <image>",
      "an image of containers that its tasks run, with its digest (see docs/containers.md); may be repeated",
      askedImageArgument,
      [],
    )
    .option("--project <name>", "the project that it is for (default: default)")
    .option(
      "--uses <n>",
      "how many machines may come with it (default: any number)",
      integerArgument(1, defaultLimits.inviteKeysMax),
    )
    .option(
      "--people <n>",
      "for a poster: each machine is somebody else, up to so many (default: it stands for one person)",
      integerArgument(1, defaultLimits.inviteKeysMax),
    )
    .option("--person <name>", "who it is for: all invites with this name are one person's")
    .option("--trusted", "vouch for its workers: their results are taken as they are")
    .action(async (options: InviteOptions) => {
      const { role, expires: expiresInMs, label, project, uses, people, person, trusted } = options;
      const said = Object.entries({ label, project, uses, people, person, trusted });
      const terms = Object.fromEntries(said.filter(([, value]) => value !== undefined));
      const params: InviteParams = { role, expiresInMs, ...terms };
      const { terminal, errStyle } = context;
      const made = await withCluster(context, options, (cluster) => cluster.call("invite", params));
      const own = parseInvite(await findInvite(options.hub, terminal.env));
      const { asksNet: net, asksMemory: memoryBytes = 0, asksImage: images } = options;
      const asks = { net, memoryBytes, ...(images.length === 0 ? {} : { images }) };
      const invite = await endorseAs(own, made.invite, asks, terminal.env);
      const joinCommand = made.joinCommand.replace(made.invite, () => invite);
      if (options.json) terminal.out(jsonLine(role === "worker" ? { invite, joinCommand } : { invite }));
      else {
        terminal.err(
          `${errStyle.dim(`${usage[role]} Good for ${duration(expiresInMs)}; treat it like a password.`)}\n`,
        );
        terminal.out(`${role === "worker" ? joinCommand : invite}\n`);
      }
    });
  withExamples(
    command,
    ["musketeers invite --role worker", "the line to paste on another machine"],
    ["musketeers invite --role worker --people 30 --expires 1d", "for the poster in a classroom"],
    ["musketeers invite --role worker --person ana --trusted", "for machines of a colleague"],
    ["musketeers invite --role submitter --expires 30d --label ana", "for a colleague"],
  );
}
