import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";
import { installKey, loadKey, loadOrCreateKey } from "../../security/node.ts";
import { configDirectory, type Environment } from "./profile.ts";

/*
 * The root keys of the projects that this user owns. They stay here: neither a hub nor its data directory ever
 * has one, so that whoever gets hold of a hub cannot make its workers run code.
 */

/** Project names become file names. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

const EXTENSION = ".key";

/** Where the keys of a hub's projects are. */
const directoryOf = (hubKey: Uint8Array, env: Environment): string =>
  join(configDirectory(env), "projects", Buffer.from(hubKey).toString("hex").slice(0, 16));

/** Where the root key of a project of a hub is. */
export function projectKeyFile(hubKey: Uint8Array, project: string, env: Environment = process.env): string {
  if (!NAME.test(project)) {
    throw new MusketeersError("BAD_ARGUMENT", `${JSON.stringify(project)} is no name for a project`, {
      hint: "Up to 64 letters, digits, dots, dashes and underscores.",
    });
  }
  return join(directoryOf(hubKey, env), `${project}${EXTENSION}`);
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

/** The root keys of those of a hub's projects that this user owns, by their names. @throws MusketeersError `STORAGE` */
export async function ownedProjectKeys(
  hubKey: Uint8Array,
  env: Environment = process.env,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const keys = new Map<string, Uint8Array>();
  const files = await readdir(directoryOf(hubKey, env)).catch(() => []);
  for (const file of files.filter((name) => name.endsWith(EXTENSION)).sort()) {
    const project = file.slice(0, -EXTENSION.length);
    const key = NAME.test(project) ? await findProjectKey(hubKey, project, env) : undefined;
    if (key !== undefined) keys.set(project, key);
  }
  return keys;
}

/**
 * Puts root keys where they were, such as those of a backup.
 * @throws MusketeersError `BAD_ARGUMENT` where there is another one, `STORAGE`
 */
export async function installProjectKeys(
  hubKey: Uint8Array,
  keys: ReadonlyMap<string, Uint8Array>,
  env: Environment = process.env,
): Promise<void> {
  for (const [project, key] of keys) {
    const file = projectKeyFile(hubKey, project, env);
    await installKey(file, key, "Workers trust the one that they were invited with: move the other away.");
  }
}
