import type { Command } from "commander";
import type { InviteSummary } from "../../protocol/index.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { clip, count, duration, plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { type Column, renderTable } from "../render/table.ts";

const columns = (nowMs: number): readonly Column<InviteSummary>[] => [
  { title: "INVITE", value: ({ id }) => printable(id) },
  { title: "ROLE", value: ({ role, trusted }) => (trusted ? `${role}, trusted` : role) },
  { title: "PROJECT", value: ({ project }) => printable(project) },
  { title: "LABEL", value: ({ label }) => clip(printable(label), 32) },
  {
    title: "FOR",
    value: ({ people, person }) =>
      people === null ? clip(printable(person), 16) : `${count(people)} people`,
  },
  {
    title: "USED",
    value: ({ used, uses, people }) => {
      const most = Math.min(uses ?? Number.POSITIVE_INFINITY, people ?? Number.POSITIVE_INFINITY);
      return Number.isFinite(most) ? `${count(used)}/${count(most)}` : count(used);
    },
    align: "right",
  },
  { title: "CONNECTED", value: ({ connections }) => count(connections), align: "right" },
  { title: "AGE", value: ({ issuedAtMs }) => duration(nowMs - issuedAtMs), align: "right" },
  {
    title: "GOOD FOR",
    value: ({ expiresAtMs, revokedAtMs }) =>
      revokedAtMs === null ? duration(expiresAtMs - nowMs) : "revoked",
    align: "right",
  },
];

/** Invites for people, the newest last. */
export const renderInvites = (invites: readonly InviteSummary[], nowMs: number, style: Style): string =>
  invites.length === 0
    ? "No invite is good any more. `musketeers invite --role worker` makes one.\n"
    : renderTable(columns(nowMs), [...invites].reverse(), style.bold);

export function addInvites(program: Command, context: Context): void {
  const command = withHubOptions(program.command("invites")).action(async (options: HubOption) => {
    const invites = await withCluster(context, options, (cluster) => cluster.call("invites", {}));
    const { terminal, outStyle } = context;
    terminal.out(options.json ? jsonLine(invites) : renderInvites(invites, terminal.now(), outStyle));
  });
  withExamples(command, ["musketeers invites", "whom the doors are open for, and who came in"]);
}

export function addRevoke(program: Command, context: Context): void {
  const command = withHubOptions(program.command("revoke"))
    .argument("<invite>", "an id that `musketeers invites` lists, or a label: then all that have it")
    .action(async (invite: string, options: HubOption) => {
      const revoked = await withCluster(context, options, (cluster) => cluster.call("revoke", { invite }));
      const { terminal, outStyle } = context;
      if (options.json) terminal.out(jsonLine(revoked));
      else terminal.out(`${outStyle.good("Revoked")} ${plural(revoked.length, "invite")}.\n`);
    });
  withExamples(
    command,
    ["musketeers revoke ana", "all invites with this label"],
    ["musketeers revoke 01k8mqz3vx1c0bd7h2j4", "one"],
  );
}
