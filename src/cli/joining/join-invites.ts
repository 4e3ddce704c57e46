import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { MusketeersError } from "../../protocol/index.ts";
import { parseInvite } from "../../security/index.ts";
import type { Context } from "../context.ts";

/** Where `join` can get its invites from, besides its arguments. */
export interface InviteSources {
  readonly inviteEnv?: string;
  readonly inviteFile?: string;
}

const FILE_POLL_MS = 500;

/** Invites that stand one after the other; mail programs may have broken them over lines. */
const splitInvites = (text: string): string[] =>
  text.split(/(?=\bhttps?:\/\/)/).filter((invite) => invite.trim() !== "");

/** Text of a file; empty where there is none yet. */
async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return "";
    throw new MusketeersError("BAD_ARGUMENT", `The invite in ${file} cannot be read: ${message}`, {
      hint: "Name a file that the user whom the worker runs as may read.",
      cause,
    });
  }
}

/**
 * Invites of a file, which may come later, as when the hub that writes it starts at the same time.
 * @throws MusketeersError `BAD_ARGUMENT` where it cannot be read, `INVITE_MALFORMED` for what is none; the
 * signal's reason where it aborts meanwhile
 */
async function fromFile(
  file: string,
  { terminal, errStyle }: Context,
  signal: AbortSignal,
): Promise<string[]> {
  for (let told = false; ; told = true) {
    const invites = splitInvites(await textOf(file));
    for (const invite of invites) parseInvite(invite);
    if (invites.length > 0) return invites;
    if (!told) terminal.err(`${errStyle.dim(`Waiting for an invite in ${file} …`)}\n`);
    await delay(FILE_POLL_MS, undefined, { signal });
  }
}

/**
 * The invites that a worker is to use.
 * @throws MusketeersError `BAD_ARGUMENT` where there is none, or from two places
 */
export async function readInvites(
  texts: readonly string[],
  { inviteEnv, inviteFile }: InviteSources,
  context: Context,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { terminal } = context;
  if ([texts.length > 0, inviteEnv !== undefined, inviteFile !== undefined].filter(Boolean).length > 1) {
    throw new MusketeersError("BAD_ARGUMENT", "The invites are to come from more than one place", {
      hint: "Give them as arguments, or with --invite-env, or with --invite-file.",
    });
  }
  if (inviteFile !== undefined) return fromFile(inviteFile, context, signal);
  if (inviteEnv !== undefined) {
    const invites = splitInvites(terminal.env[inviteEnv] ?? "");
    if (invites.length > 0) return invites;
    throw new MusketeersError("BAD_ARGUMENT", `The environment has no ${inviteEnv}`);
  }
  if (texts.length === 1 && texts[0] === "-") {
    let piped = "";
    for await (const chunk of terminal.input) piped += chunk;
    const invites = splitInvites(piped);
    return invites.length > 0 ? invites : [piped];
  }
  if (texts.length > 0) return texts;
  throw new MusketeersError("BAD_ARGUMENT", "There is no invite", {
    hint: "Give it in quotes, or - to read it from standard input; the operator makes one with `musketeers invite --role worker`.",
  });
}

/**
 * Lets workers' invites pass, and says of others before anybody is asked anything that no hub will take them.
 * @throws MusketeersError `FORBIDDEN`, `INVITE_MALFORMED`
 */
export function checkRoles(invites: readonly string[]): readonly string[] {
  for (const invite of invites) {
    const { role, url } = parseInvite(invite);
    if (role === "worker" || role === "admin") continue;
    throw new MusketeersError("FORBIDDEN", `This is a ${role}'s invite to ${url}, and no worker's`, {
      hint: `It is for \`musketeers login\`${role === "viewer" ? " or a browser" : ""}; ask for one that \`musketeers invite --role worker\` makes.`,
    });
  }
  return invites;
}

const naming = ["--invite-env", "--invite-file"];

/** A command line of `join` without what says where its invites are, for a process that gets them otherwise. */
export function withoutInvites(
  args: readonly string[],
  invites: readonly string[],
  flags: readonly string[] = [],
): readonly string[] {
  return args.filter((arg, at) => {
    if (flags.includes(arg) || invites.includes(arg)) return false;
    if (naming.includes(arg) || naming.includes(args[at - 1] ?? "")) return false;
    return !naming.some((name) => arg.startsWith(`${name}=`));
  });
}
