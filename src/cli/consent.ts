import { join } from "node:path";
import { createInterface } from "node:readline";
import { configDirectory } from "../client/node.ts";
import { defaultLimits, MusketeersError } from "../protocol/index.ts";
import { type Invite, parseInvite } from "../security/index.ts";
import type { Asks } from "../worker/node.ts";
import type { Context } from "./context.ts";
import { bytes, printable } from "./render/format.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What the volunteers of this user said yes to. */
export const consentPath = (env: Environment): string => join(configDirectory(env), "worker-consent.json");

export async function openConsentFile(env: Environment) {
  const { ConsentFile } = await import("../worker/node.ts");
  return new ConsentFile(consentPath(env), defaultLimits.consentRequestsMax);
}

/** Set to `compute`, it agrees to projects that do not ask for the network: so in the image, which nobody can answer in. */
const ACCEPT_VARIABLE = "MUSKETEERS_ACCEPT";

/** How a volunteer answers without being asked. */
export interface Answers {
  readonly accept?: boolean;
  readonly trust?: boolean;
  readonly allowNet: readonly string[];
  readonly memory?: number;
}

/** Hosts and memory as people read them. */
export function renderAsks({ net, memoryBytes }: Asks): string {
  const parts = net.length === 0 ? [] : [`the network: ${net.map(printable).join(", ")}`];
  if (memoryBytes > 0) parts.push(`${bytes(memoryBytes)} of memory a task`);
  return parts.length === 0 ? "to compute, without the network" : parts.join("; ");
}

/** All that a project will have of a machine. */
export function renderConsent({ url, project, endorsement }: Invite, asks: Asks): string {
  const memory =
    asks.memoryBytes === 0 ? "what one task needs (--memory bounds it)" : `${bytes(asks.memoryBytes)} a task`;
  return [
    `The project ${printable(project)} at ${printable(url)} asks for`,
    `  network    ${asks.net.length === 0 ? "none" : asks.net.map(printable).join(", ")}`,
    `  memory     ${memory}`,
    "  processor  all cores while you let it (--slots, --cpu, --hours and --when-idle bound it)",
    "  disk       room for data that its tasks read (--cache-size bounds it); no file of yours",
    "  GPU        none",
    ...(endorsement === undefined
      ? ["Its invite names no key of the project: the hub alone decides whose code runs here."]
      : ["Only code of submitters whom its owner certified runs here. What needs more will ask you again."]),
    "",
  ].join("\n");
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
function flagsCover({ allowNet, memory }: Answers, asks: Asks, missing: Asks | undefined): boolean {
  if (missing !== undefined || (allowNet.length === 0 && memory === undefined)) return false;
  return asks.memoryBytes === 0 || memory !== undefined;
}

/**
 * Sees to it that somebody has said yes to what each project asks for, before anything of it runs. What was said
 * before holds.
 * @returns what each may have for this run
 * @throws MusketeersError `CONSENT_NEEDED`
 */
export async function obtainConsent(
  texts: readonly string[],
  answers: Answers,
  context: Context,
  call: ConsentCall,
): Promise<readonly Asks[]> {
  const { remember } = call;
  const { missingOf, noAsks, projectIdOf } = await import("../worker/node.ts");
  const file = await openConsentFile(context.terminal.env);
  const granted: Asks[] = [];
  for (const text of texts) {
    const invite = parseInvite(text);
    const asks = invite.endorsement?.asks ?? noAsks;
    const id = projectIdOf(invite);
    const before = remember ? await file.grantedTo(id) : undefined;
    granted.push(asks);
    if (before !== undefined && missingOf(before, asks) === undefined) continue;
    const byFlags = flagsCover(answers, asks, missingOf({ net: answers.allowNet, memoryBytes: 0 }, asks));
    await decide({ invite, asks, byFlags }, answers, context, call);
    const { project, url: hub } = invite;
    if (remember && !byFlags) await file.grant(id, asks, { project, hub, atMs: context.terminal.now() });
  }
  return granted;
}

async function decide(
  { invite, asks, byFlags }: { readonly invite: Invite; readonly asks: Asks; readonly byFlags: boolean },
  answers: Answers,
  context: Context,
  { remember, signal }: ConsentCall,
): Promise<void> {
  const { terminal, errStyle } = context;
  const onlyComputes = asks.net.length === 0;
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
  const what = renderConsent(invite, asks);
  if (!terminal.inputIsTTY) {
    throw new MusketeersError("CONSENT_NEEDED", `Nobody has agreed to this yet.\n${what.trimEnd()}`, {
      hint: "Say --accept to agree, or join on a terminal to be asked.",
    });
  }
  terminal.err(what);
  if (await askPerson(context, "Let it use this machine so?", signal)) return;
  throw new MusketeersError("CONSENT_NEEDED", "You did not agree, and nothing was run", {
    hint: "Join again when you like; --slots, --memory, --cpu and --hours keep it small.",
  });
}
