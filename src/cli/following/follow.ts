import { join } from "node:path";
import { fetchWith } from "../../client/node.ts";
import { defaultLimits, MusketeersError } from "../../protocol/index.ts";
import { type Invite, parseInvite } from "../../security/index.ts";
import { packageDigest, packageRoot } from "../../security/node.ts";
import type { Context, JsonOption } from "../context.ts";
import { ExitStatus } from "../failure.ts";
import { releasesDirectory } from "../files/data-directory.ts";
import { type InviteSources, readInvites, withoutInvites } from "../joining/join-invites.ts";
import { renderRelease } from "../joining/join-reporter.ts";
import { INVITE_VARIABLE } from "../joining/local-workers.ts";
import { jsonLine } from "../render/json.ts";
import { listenForStop } from "../stop.ts";
import { Follower } from "./follower.ts";
import { hex, Releases } from "./releases.ts";

const releasesOf = (invite: Invite, { terminal }: Context, signal: AbortSignal): Releases =>
  new Releases({
    url: invite.url,
    hubKey: invite.hubKey,
    fetch: fetchWith(invite),
    directory: releasesDirectory(terminal.env),
    releaseBytesMax: defaultLimits.releaseBytesMax,
    signal,
  });

/** The hub to follow. */
async function readHub(
  texts: readonly string[],
  options: InviteSources,
  context: Context,
  signal: AbortSignal,
): Promise<string> {
  const [invite, ...others] = await readInvites(texts, options, context, signal);
  if (invite !== undefined && others.length === 0) return invite.trim();
  throw new MusketeersError("BAD_ARGUMENT", "A worker follows the version of one hub", {
    hint: "With several hubs leave --follow-hub away, or start a worker for each.",
  });
}

/**
 * Runs a worker in a process of its own, as the version of the program that its hub hands out, and starts it again
 * when that is another one. Ends as the worker ends.
 * @throws ExitStatus where that is not 0
 */
export async function joinAndFollow(
  texts: readonly string[],
  options: InviteSources & JsonOption,
  context: Context,
): Promise<void> {
  const stopping = new AbortController();
  let follower: Follower | undefined;
  using stopper = listenForStop({ atOnce: () => follower?.kill() });
  const invite = await readHub(texts, options, context, stopper.signal);
  const releases = releasesOf(parseInvite(invite), context, stopping.signal);
  const own = hex(await packageDigest(packageRoot));
  const current = (await releases.current()) ?? { digest: own, sequence: 0 };
  const { terminal, errStyle } = context;
  const status = await new Promise<number>((onEnd) => {
    follower = new Follower({
      invite,
      args: [
        ...withoutInvites(process.argv.slice(2), texts, ["--follow-hub"]),
        "--invite-env",
        INVITE_VARIABLE,
      ],
      releases,
      current,
      programOf: (digest) =>
        digest === own ? join(packageRoot, "dist", "cli", "main.js") : releases.programOf(digest),
      limits: defaultLimits,
      random: Math.random,
      signal: stopping.signal,
      onEvent: (event) =>
        options.json ? terminal.out(jsonLine(event)) : terminal.err(renderRelease(event, errStyle)),
      onEnd,
    });
    follower.begin();
    void stopper.stopped.then((signal) => follower?.stop(signal));
  });
  stopping.abort();
  if (status !== 0) throw new ExitStatus(status);
}
