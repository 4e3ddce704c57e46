import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";

/** A hub that this user has a right to. The invite is a secret. */
export interface Profile {
  readonly invite: string;
  /** The hub's HTTP address, for people. */
  readonly url: string;
}

export interface Profiles {
  /** Name of the one that is meant where none is named. */
  readonly default?: string;
  readonly hubs: Readonly<Record<string, Profile>>;
}

/** Variables of the environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Where settings are: `$MUSKETEERS_HOME`, else by the XDG base directory specification. */
export function configDirectory(env: Environment = process.env): string {
  if (env.MUSKETEERS_HOME) return env.MUSKETEERS_HOME;
  return join(env.XDG_CONFIG_HOME || join(homedir(), ".config"), "musketeers");
}

const fileIn = (env: Environment): string => join(configDirectory(env), "hubs.json");

/** What the text of such a file says. @throws Error that says why it is none */
function parseProfiles(text: string): Profiles {
  const parsed: unknown = JSON.parse(text);
  const { default: chosen, hubs } = (parsed ?? {}) as { readonly default?: unknown; readonly hubs?: unknown };
  if (typeof hubs !== "object" || hubs === null) throw new TypeError("it names no hubs");
  const entries = Object.entries(hubs).map(([name, profile]) => {
    const { invite, url } = (profile ?? {}) as Partial<Profile>;
    if (typeof invite !== "string" || typeof url !== "string") throw new TypeError(`no invite in ${name}`);
    return [name, { invite, url }] as const;
  });
  return { ...(typeof chosen === "string" ? { default: chosen } : {}), hubs: Object.fromEntries(entries) };
}

/**
 * Reads all profiles; none where there is no file.
 * @throws MusketeersError `BAD_ARGUMENT` where the file is no longer ours to understand, `STORAGE` where it cannot be read.
 */
export async function readProfiles(env: Environment = process.env): Promise<Profiles> {
  const file = fileIn(env);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { hubs: {} };
    throw new MusketeersError("STORAGE", `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    return parseProfiles(text);
  } catch (cause) {
    throw new MusketeersError("BAD_ARGUMENT", `${file} is damaged: ${(cause as Error).message}`, {
      hint: "The invites in it may be all there is of them: mend it, or move it away and log in again.",
      cause,
    });
  }
}

async function writeProfiles(profiles: Profiles, env: Environment): Promise<void> {
  const file = fileIn(env);
  const temporary = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(configDirectory(env), { recursive: true, mode: DIRECTORY_MODE });
    await writeFile(temporary, `${JSON.stringify(profiles, undefined, 2)}\n`, {
      mode: FILE_MODE,
      flag: "wx",
    });
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new MusketeersError("STORAGE", `${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** Adds or replaces a profile, and makes it the default unless told not to. */
export async function writeProfile(
  name: string,
  profile: Profile,
  options: { readonly makeDefault?: boolean } = {},
  env: Environment = process.env,
): Promise<void> {
  const before = await readProfiles(env);
  const hubs = { ...before.hubs, [name]: { invite: profile.invite, url: profile.url } };
  const chosen = (options.makeDefault ?? true) ? name : before.default;
  await writeProfiles({ ...(chosen === undefined ? {} : { default: chosen }), hubs }, env);
}

/** Removes a profile; says whether there was one. */
export async function removeProfile(name: string, env: Environment = process.env): Promise<boolean> {
  const before = await readProfiles(env);
  if (!Object.hasOwn(before.hubs, name)) return false;
  const { [name]: _removed, ...hubs } = before.hubs;
  const chosen = before.default === name ? undefined : before.default;
  await writeProfiles({ ...(chosen === undefined ? {} : { default: chosen }), hubs }, env);
  return true;
}

const looksLikeInvite = (text: string): boolean => /^\s*["']?https?:\/\//i.test(text);

/**
 * The invite that is meant by a profile's name or an invite; where nothing is said, by `$MUSKETEERS_HUB`
 * or the default profile.
 * @throws MusketeersError `NO_HUB`
 */
export async function findInvite(hub?: string, env: Environment = process.env): Promise<string> {
  const named = hub ?? (env.MUSKETEERS_HUB || undefined);
  if (named !== undefined && looksLikeInvite(named)) return named;
  const profiles = await readProfiles(env);
  const name = named ?? profiles.default;
  const profile = name === undefined ? undefined : profiles.hubs[name];
  if (profile !== undefined) return profile.invite;
  if (named === undefined) throw new MusketeersError("NO_HUB", "No hub is known here");
  const names = Object.keys(profiles.hubs);
  throw new MusketeersError("NO_HUB", `No hub is known under the name ${named}`, {
    hint: `${names.length === 0 ? "None is known yet" : `Known are ${names.join(", ")}`}; add one with \`musketeers login INVITE\`.`,
  });
}
