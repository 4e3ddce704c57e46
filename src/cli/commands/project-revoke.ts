import type { Command } from "commander";
import { findInvite, findProjectKey } from "../../client/node.ts";
import { type InviteSummary, MusketeersError } from "../../protocol/index.ts";
import { openRevocations, parseInvite, publicKeyOf, signRevocations } from "../../security/index.ts";
import { type Context, type HubOption, withCluster, withHubOptions } from "../context.ts";
import { plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";

/** The invites of a project whose certificates are meant. @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT` */
function chosen(
  members: readonly InviteSummary[],
  submitter: string,
  project: string,
  own: string,
): readonly InviteSummary[] {
  const found = members.filter(
    ({ id, label, role }) =>
      (role === "submitter" || role === "admin") && (id === submitter || label === submitter),
  );
  if (found.length === 0) {
    throw new MusketeersError("NOT_FOUND", `Nobody called ${submitter} may submit to ${project}`, {
      hint: `\`musketeers project members ${project}\` lists the invites with their labels; expired ones need no revoking.`,
    });
  }
  if (found.some(({ id }) => id === own)) {
    throw new MusketeersError("BAD_ARGUMENT", "The invite that you are using is one of these", {
      hint: "Use another admin's invite, or name a single one by its id.",
    });
  }
  return found;
}

/**
 * Takes back the certificates of a submitter: signed by the root key, kept by the hub, checked by workers.
 * Takes the invites back, too.
 */
async function revokeSubmitter(
  project: string,
  submitter: string,
  options: HubOption,
  context: Context,
): Promise<void> {
  const { terminal, outStyle } = context;
  const { hubKey, grantId } = parseInvite(await findInvite(options.hub, terminal.env));
  const rootKey = await findProjectKey(hubKey, project, terminal.env);
  if (rootKey === undefined) {
    throw new MusketeersError(
      "FORBIDDEN",
      `Only the owner of the project ${project}, who has its root key, takes certificates back`,
      { hint: "Do it on the machine, and as the user, where the project was created." },
    );
  }
  const revoked = await withCluster(context, options, async (cluster) => {
    const members = await cluster.call("members", { project });
    const invites = chosen(members, submitter, project, grantId);
    const before = await cluster.call("revocations", { project });
    const known = before === null ? undefined : openRevocations(before, publicKeyOf(rootKey), project);
    const serials = [...new Set([...(known?.serials ?? []), ...invites.map(({ id }) => id)])];
    const issuedAtMs = Math.max(terminal.now(), (known?.issuedAtMs ?? 0) + 1);
    const list = signRevocations({ project, issuedAtMs, serials }, rootKey);
    await cluster.call("putRevocations", { project, list });
    for (const { id, revokedAtMs } of invites) {
      if (revokedAtMs === null) await cluster.call("revoke", { invite: id });
    }
    return invites;
  });
  if (options.json) terminal.out(jsonLine(revoked));
  else {
    const what = plural(revoked.length, "certificate");
    terminal.out(
      `${outStyle.good("Revoked")} ${what} of ${printable(submitter)}: workers run nothing more of theirs.\n`,
    );
  }
}

export function addProjectRevoke(parent: Command, context: Context): void {
  withHubOptions(
    parent.command("revoke").description("have workers run nothing more of a submitter's (for the owner)"),
  )
    .argument("<name>", "of the project")
    .argument("<submitter>", "the label or the id of the invite")
    .action((project: string, submitter: string, options: HubOption) =>
      revokeSubmitter(project, submitter, options, context),
    );
}
