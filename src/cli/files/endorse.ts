import { rm } from "node:fs/promises";
import { findProjectKey, loadOrCreateProjectKey, projectKeyFile } from "../../client/node.ts";
import { MusketeersError } from "../../protocol/index.ts";
import {
  endorseInvite,
  type Invite,
  newSecretKey,
  type ProjectAsks,
  parseInvite,
  publicKeyOf,
  signCertificate,
} from "../../security/index.ts";
import type { Environment } from "../terminal.ts";

/* What the owner of a project adds to invites: its root key's public half, and to those who submit a certified key. */

/** What a project asks of volunteers where nothing is said: to compute, without the network. */
export const NOTHING_ASKED: ProjectAsks = Object.freeze({ net: Object.freeze([]), memoryBytes: 0 });

/** Adds to an invite's text what its holder needs; `asks` is what volunteers are asked for. */
export type Endorse = (invite: string, asks?: ProjectAsks) => string;

function endorseWith(rootKey: Uint8Array, text: string, asks: ProjectAsks): string {
  const invite = parseInvite(text);
  const projectKey = publicKeyOf(rootKey);
  if (invite.role === "viewer") return text;
  if (invite.role === "worker") return endorseInvite(text, { projectKey, asks });
  const secretKey = newSecretKey();
  const certificate = signCertificate(
    {
      publicKey: publicKeyOf(secretKey),
      project: invite.project,
      notAfterMs: invite.expiresAtMs,
      label: invite.label,
      serial: invite.grantId,
    },
    rootKey,
  );
  return endorseInvite(text, { projectKey, asks, signer: { certificate, secretKey } });
}

/** The owner of a hub's own project, whose root key is made where there is none. */
export async function openOwner(
  { hubKey, project }: Pick<Invite, "hubKey" | "project">,
  env: Environment,
): Promise<{ readonly endorse: Endorse; forget(): Promise<void> }> {
  const rootKey = await loadOrCreateProjectKey(hubKey, project, env);
  return {
    endorse: (invite, asks = NOTHING_ASKED) => endorseWith(rootKey, invite, asks),
    /** Of a hub that nobody will meet again. */
    forget: () => rm(projectKeyFile(hubKey, project, env), { force: true }),
  };
}

/**
 * Endorses an invite that a hub made for somebody who may not be the owner of its project. Workers' invites need
 * the public key only, which whoever asks has from an invite of his own.
 * @param own the invite of whoever asks
 * @throws MusketeersError `FORBIDDEN` where only the owner can let somebody submit
 */
export async function endorseAs(
  own: Pick<Invite, "endorsement" | "project">,
  text: string,
  asks: ProjectAsks,
  env: Environment,
): Promise<string> {
  const { hubKey, project, role } = parseInvite(text);
  const rootKey = await findProjectKey(hubKey, project, env);
  if (rootKey !== undefined) return endorseWith(rootKey, text, asks);
  if (role === "viewer" || (own.endorsement === undefined && own.project === project)) return text;
  if (role === "worker" && own.endorsement !== undefined && own.project === project)
    return endorseInvite(text, { projectKey: own.endorsement.projectKey, asks });
  throw new MusketeersError(
    "FORBIDDEN",
    `Only the owner of the project ${project}, who has its root key, lets people submit to it`,
    { hint: "Make this invite on the machine, and as the user, where the project was created." },
  );
}
