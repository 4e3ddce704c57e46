import { join } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";
import { loadKey, loadOrCreateKey } from "../../security/node.ts";
import { configDirectory } from "./profile.ts";

/*
 * The root keys of the projects that this user owns. They stay here: neither a hub nor its data directory ever
 * has one, so that whoever gets hold of a hub cannot make its workers run code.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** Project names become file names. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

/** Where the root key of a project of a hub is. */
export function projectKeyFile(hubKey: Uint8Array, project: string, env: Environment = process.env): string {
  if (!NAME.test(project)) {
    throw new MusketeersError("BAD_ARGUMENT", `${JSON.stringify(project)} is no name for a project`, {
      hint: "Up to 64 letters, digits, dots, dashes and underscores.",
    });
  }
  const hub = Buffer.from(hubKey).toString("hex").slice(0, 16);
  return join(configDirectory(env), "projects", hub, `${project}.key`);
}

/** The secret root key of a project that this user owns, made where there is none. @throws MusketeersError `STORAGE` */
export const loadOrCreateProjectKey = (
  hubKey: Uint8Array,
  project: string,
  env?: Environment,
): Promise<Uint8Array> => loadOrCreateKey(projectKeyFile(hubKey, project, env));

/** The same where there is one; undefined where somebody else owns the project. @throws MusketeersError `STORAGE` */
export async function findProjectKey(
  hubKey: Uint8Array,
  project: string,
  env?: Environment,
): Promise<Uint8Array | undefined> {
  try {
    return await loadKey(projectKeyFile(hubKey, project, env));
  } catch (error) {
    if (error instanceof MusketeersError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}
