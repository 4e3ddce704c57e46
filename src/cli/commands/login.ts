import type { Command } from "commander";
import { MusketeersError } from "../../protocol/index.ts";
import { type Context, type HubOption, jsonOption, withCluster, withExamples } from "../context.ts";
import { printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";

interface LoginOptions extends HubOption {
  readonly name?: string;
}

function asInvite(text: string): string {
  if (/^https?:\/\//.test(text)) return text;
  throw new MusketeersError("INVITE_MALFORMED", "This is no invite");
}

export function addLogin(program: Command, context: Context): void {
  const command = program
    .command("login")
    .argument("<invite>", "a submitter's, viewer's or admin's invite, in quotes")
    .option("--name <name>", "what to call it here (default: the hub's own name)")
    .addOption(jsonOption())
    .action(async (text: string, options: LoginOptions) => {
      const invite = text.trim();
      // Nothing is remembered that does not work; and a name of another hub is none of this one's.
      const { hub, role } = await withCluster(
        context,
        { ...options, hub: asInvite(invite) },
        async (cluster) => {
          await cluster.call("status", {});
          return cluster;
        },
      );
      const name = options.name ?? hub;
      const url = invite.replace(/\/join#.*$/s, "");
      const { writeProfile } = await import("../../client/node.ts");
      await writeProfile(name, { invite, url });
      const { terminal } = context;
      if (options.json) terminal.out(jsonLine({ name, url, role }));
      else terminal.out(`${printable(name)} (${url}) is the hub from now on; your role there is ${role}.\n`);
    });
  withExamples(
    command,
    ["musketeers login 'http://…/join#…'", "then `musketeers status` and connect() know it"],
    ["musketeers login 'http://…/join#…' --name lab", "and --hub lab means it"],
  );
}
