import { join } from "node:path";
import { createInterface } from "node:readline";
import { configDirectory } from "../../client/node.ts";
import { defaultLimits, MusketeersError } from "../../protocol/index.ts";
import { type Invite, parseInvite } from "../../security/index.ts";
import type { Asks } from "../../worker/node.ts";
import { type ContainerOptions, imagesOf } from "../arguments/container-options.ts";
import type { Context } from "../context.ts";
import { printable } from "../render/format.ts";
import type { Environment } from "../terminal.ts";
import { renderAsks, renderConsent } from "./consent-text.ts";

/** What the volunteers of this user said yes to. */
export const consentPath = (env: Environment): string => join(configDirectory(env), "worker-consent.json");

export async function openConsentFile(env: Environment) {
  const { ConsentFile } = await import("../../worker/node.ts");
  return new ConsentFile(consentPath(env), defaultLimits.consentRequestsMax);
}

/** Set to `compute`, it agrees to projects that do not ask for the network: so in the image, which nobody can answer in. */
const ACCEPT_VARIABLE = "MUSKETEERS_ACCEPT";

/** How a volunteer answers without being asked. */
export interface Answers extends ContainerOptions {
  readonly accept?: boolean;
  readonly trust?: boolean;
  readonly allowNet: readonly string[];
  readonly memory?: number;
}

/** Asks a person; no is the answer to anything but yes, and to the end of the input. */
export function askPerson({ terminal }: Context, question: string, signal: AbortSignal): Promise<boolean> {
  terminal.err(`${question} [y/N] `);
  const lines = createInterface({ input: terminal.input, signal });
  return new Promise((resolve) => {
    let answer = false;
    lines.once("line", (line) => {
      answer = /^\s*y(es)?\s*$/i.test(line);
      lines.close();
    });
    lines.once("close", () => resolve(answer));
  });
}

export interface ConsentCall {
  /** Keeps the answer for later runs, and says what was accepted. */
  readonly remember: boolean;
  /** Ends the asking. */
  readonly signal: AbortSignal;
}

/** Flags that name all that is asked for are an answer, too. */
function flagsCover(answers: Answers, asks: Asks, missing: Asks | undefined): boolean {
  const { allowNet, memory } = answers;
  const isAboutImages = asks.images !== undefined && imagesOf(answers) !== undefined;
  if (missing !== undefined || (allowNet.length === 0 && memory === undefined && !isAboutImages))
    return false;
  return asks.memoryBytes === 0 || memory !== undefined;
}

/** What somebody has said yes to. */
export interface Agreed {
  /** All that the project may have. */
  readonly asks: Asks;
  /** Whether that stands in the file of consents, which a worker looks at while it runs. */
  readonly isKept: boolean;
}

/**
 * Sees to it that somebody has said yes to what each project asks for, before anything of it runs. What was said
 * before holds.
 * @returns what each may have
 * @throws MusketeersError `CONSENT_NEEDED`
 */
export async function obtainConsent(
  texts: readonly string[],
  answers: Answers,
  context: Context,
  call: ConsentCall,
): Promise<readonly Agreed[]> {
  const { remember } = call;
  const { missingOf, noAsks, projectIdOf, together } = await import("../../worker/node.ts");
  const file = await openConsentFile(context.terminal.env);
  const agreed: Agreed[] = [];
  const images = imagesOf(answers) ?? [];
  for (const text of texts) {
    const invite = parseInvite(text);
    const asks = invite.endorsement?.asks ?? noAsks;
    const id = projectIdOf(invite);
    const before = remember ? await file.grantedTo(id) : undefined;
    if (before !== undefined && missingOf(before, asks) === undefined) {
      agreed.push({ asks: before, isKept: true });
      continue;
    }
    const flags = { net: answers.allowNet, memoryBytes: 0, images };
    const byFlags = flagsCover(answers, asks, missingOf(flags, asks));
    await decide({ invite, asks, byFlags }, answers, context, call);
    const { project, url: hub } = invite;
    const isKept = remember && !byFlags;
    if (isKept) await file.grant(id, asks, { project, hub, atMs: context.terminal.now() });
    agreed.push({ asks: before === undefined ? asks : together(before, asks), isKept });
  }
  return agreed;
}

/** Flags that would be an answer; none for a project that only computes. */
function flagsFor({ net, images = [] }: Asks): string {
  const flags = [
    ...net.map((host) => `--allow-net '${host}'`),
    ...images.map((each) => `--allow-containers ${each}`),
  ];
  return flags.length === 0 ? "" : `or allow just this with ${flags.map(printable).join(" ")}, `;
}

async function decide(
  { invite, asks, byFlags }: { readonly invite: Invite; readonly asks: Asks; readonly byFlags: boolean },
  answers: Answers,
  context: Context,
  { remember, signal }: ConsentCall,
): Promise<void> {
  const { terminal, errStyle } = context;
  const onlyComputes = asks.net.length === 0 && asks.images === undefined;
  const byVariable = onlyComputes && terminal.env[ACCEPT_VARIABLE] === "compute";
  if (answers.accept || answers.trust || byFlags || byVariable) {
    const how = answers.accept
      ? "--accept"
      : answers.trust
        ? "--trust"
        : byFlags
          ? "your options"
          : ACCEPT_VARIABLE;
    const text = `Accepted by ${how} for ${printable(invite.project)}: ${renderAsks(asks)}.\n`;
    if (remember) terminal.err(errStyle.dim(text));
    return;
  }
  const { knownImages } = await import("../../worker/node.ts");
  const known = await knownImages(asks.images ?? [], defaultLimits);
  const what = renderConsent(invite, asks, answers, known);
  if (!terminal.inputIsTTY) {
    throw new MusketeersError("CONSENT_NEEDED", `Nobody has agreed to this yet.\n${what.trimEnd()}`, {
      hint: `Say --accept to agree, ${flagsFor(asks)}or join on a terminal to be asked.`,
    });
  }
  terminal.err(what);
  if (await askPerson(context, "Let it use this machine so?", signal)) return;
  throw new MusketeersError("CONSENT_NEEDED", "You did not agree, and nothing was run", {
    hint: "Join again when you like; --slots, --memory, --cpu and --hours keep it small.",
  });
}
