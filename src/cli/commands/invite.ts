import { type Command, Option } from "commander";
import { type Role, roles } from "../../protocol/index.ts";
import {
  type Context,
  durationArgument,
  type HubOption,
  withCluster,
  withExamples,
  withHubOptions,
} from "../context.ts";
import { duration } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";

interface InviteOptions extends HubOption {
  readonly role: Role;
  readonly expires: number;
  readonly label?: string;
}

export const INVITE_EXPIRES_MS = 7 * 24 * 3_600_000;

const usage: Readonly<Record<Role, string>> = {
  worker: "It lets a machine work for this hub.",
  submitter: "It lets its holder run code on this cluster. Use it with: musketeers login 'INVITE'",
  viewer: "It lets its holder watch. Use it with: musketeers login 'INVITE', or open it in a browser.",
  admin: "It lets its holder do everything, inviting others included. Use it with: musketeers login 'INVITE'",
};

export function addInvite(program: Command, context: Context): void {
  const command = withHubOptions(
    program.command("invite").description("make an invite: one URL, the only way in (for admins)"),
  )
    .addOption(new Option("--role <role>", "what it allows").choices(roles).makeOptionMandatory())
    .option(
      "--expires <time>",
      "until when it can be used, such as 12h or 7d (default: 7d)",
      durationArgument,
      INVITE_EXPIRES_MS,
    )
    .option("--label <text>", "a note on whom it is for")
    .action(async (options: InviteOptions) => {
      const { role, expires: expiresInMs, label } = options;
      const params = { role, expiresInMs, ...(label === undefined ? {} : { label }) };
      const { invite, joinCommand } = await withCluster(context, options, (cluster) =>
        cluster.call("invite", params),
      );
      const { terminal, errStyle } = context;
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
    ["musketeers invite --role submitter --expires 30d --label ana", "for a colleague"],
  );
}
