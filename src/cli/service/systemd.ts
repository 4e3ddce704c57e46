import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { MusketeersError } from "../../protocol/index.ts";
import type { Environment } from "../terminal.ts";
import type { ServiceKind } from "./unit.ts";

const run = promisify(execFile);

const COMMAND_TIMEOUT_MS = 60_000;

export const unitName = (kind: ServiceKind): string => `musketeers-${kind}.service`;

/** Where a user's own units are. */
export const unitDirectory = (env: Environment): string =>
  join(env.XDG_CONFIG_HOME || join(homedir(), ".config"), "systemd", "user");

export const unitFile = (kind: ServiceKind, env: Environment): string =>
  join(unitDirectory(env), unitName(kind));

/** Writes a unit for the user's systemd to find. */
export async function writeUnit(kind: ServiceKind, text: string, env: Environment): Promise<string> {
  const file = unitFile(kind, env);
  try {
    await mkdir(unitDirectory(env), { recursive: true });
    await writeFile(file, text, { mode: 0o600 });
  } catch (cause) {
    throw new MusketeersError("STORAGE", `The unit cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
  return file;
}

export const removeUnit = (kind: ServiceKind, env: Environment): Promise<void> =>
  rm(unitFile(kind, env), { force: true });

/**
 * Has `systemctl --user` do something.
 * @returns what it printed
 * @throws MusketeersError `SERVICE_MANAGER` where it cannot, with what it said
 */
export const systemctl = (...args: readonly string[]): Promise<string> =>
  said("systemctl", ["--user", "--no-pager", ...args]);

/**
 * Lets the user's services run from boot on, not only while somebody is logged in. Who it is is said, since without that
 * loginctl takes the caller's session, and after `su` or in a container there is none.
 * @throws MusketeersError `SERVICE_MANAGER`, also where it is not permitted
 */
export const linger = (): Promise<string> => said("loginctl", ["enable-linger", String(process.getuid?.())]);

async function said(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(command, [...args], { timeout: COMMAND_TIMEOUT_MS })).stdout;
  } catch (cause) {
    const { code, stderr = "", stdout = "" } = cause as { code?: unknown; stderr?: string; stdout?: string };
    const why = code === "ENOENT" ? "it is not on this machine" : (stderr || stdout).trim().split("\n")[0];
    throw new MusketeersError(
      "SERVICE_MANAGER",
      `${command} ${args.filter((arg) => !arg.startsWith("-")).join(" ")}: ${why}`,
      { cause },
    );
  }
}
