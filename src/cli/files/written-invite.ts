import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { MusketeersError } from "../../protocol/index.ts";
import { equalBytes, type Invite, parseInvite } from "../../security/index.ts";

/** The invite of a file, if it is one. */
async function inviteIn(file: string): Promise<Invite | undefined> {
  try {
    return parseInvite(await readFile(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** The same right, at an address that its holder reaches the hub by; what an address says is not signed. */
export const addressedTo = (invite: string, url: string): string =>
  `${url.replace(/\/+$/, "")}/join${invite.slice(invite.indexOf("#"))}`;

export interface WrittenInvite {
  readonly file: string;
  /** The hub's public key, and the address that the invite is to name. */
  readonly hubKey: Uint8Array;
  readonly url: string;
  readonly now: number;
  /** Makes a new one. */
  readonly make: () => string;
  /** What it has to grant; an earlier one that does not is replaced. */
  readonly fits: (invite: Invite) => boolean;
}

/**
 * Puts an invite where workers wait for it. One that stands there and is still good stays, so that a hub that is
 * started again does not turn away those who have it.
 * @throws MusketeersError `STORAGE` where it cannot be written
 */
export async function writeInvite({ file, hubKey, url, now, make, fits }: WrittenInvite): Promise<void> {
  const there = await inviteIn(file);
  if (
    there !== undefined &&
    equalBytes(there.hubKey, hubKey) &&
    there.url === url.replace(/\/+$/, "") &&
    there.role === "worker" &&
    there.expiresAtMs > now &&
    fits(there)
  )
    return;
  // Whole or not at all: somebody may be waiting for it.
  const part = `${file}.${randomBytes(6).toString("hex")}.part`;
  try {
    await writeFile(part, `${addressedTo(make(), url)}\n`, { mode: 0o600, flag: "wx" });
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    throw new MusketeersError(
      "STORAGE",
      `The invite cannot be written to ${file}: ${(cause as Error).message}`,
      {
        hint: "Name a file in a directory that the hub may write to.",
        cause,
      },
    );
  }
}
