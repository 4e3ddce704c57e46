import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const TIMEOUT_MS = 3_000;

/** When somebody last typed at a terminal of this machine, as Linux notes it; undefined where it has none. */
export async function lastTypedAtMs(directories = ["/dev", "/dev/pts"]): Promise<number | undefined> {
  let latest: number | undefined;
  for (const directory of directories) {
    for (const name of await readdir(directory).catch(() => [])) {
      if (!/^(tty\d+|\d+)$/.test(name)) continue;
      const times = await stat(join(directory, name)).catch(() => undefined);
      if (times !== undefined) latest = Math.max(latest ?? 0, times.atimeMs);
    }
  }
  return latest;
}

/** When the graphical sessions became idle, by what `loginctl show-session` says of each; undefined: one is in use. */
export function parseSessions(text: string, nowMs: number): number | undefined {
  const hints = [...text.matchAll(/^IdleHint=(yes|no)$/gm)].map((match) => match[1]);
  const since = [...text.matchAll(/^IdleSinceHint=(\d+)$/gm)].map((match) => Number(match[1]) / 1_000);
  if (hints.length === 0) return undefined;
  return hints.includes("no") ? nowMs : Math.max(...since);
}

async function linuxUntouchedMs(nowMs: number): Promise<number | undefined> {
  const typedAtMs = await lastTypedAtMs();
  const usedAtMs = await sessionsUsedAtMs(nowMs).catch(() => undefined);
  const latest = Math.max(typedAtMs ?? 0, usedAtMs ?? 0);
  return latest === 0 ? undefined : Math.max(0, nowMs - latest);
}

/** Graphical sessions tell systemd when nobody uses them. */
async function sessionsUsedAtMs(nowMs: number): Promise<number | undefined> {
  const { stdout } = await run("loginctl", ["list-sessions", "--no-legend"], { timeout: TIMEOUT_MS });
  const ids = stdout.split("\n").flatMap((row) => row.trim().split(/\s+/)[0] || []);
  if (ids.length === 0) return undefined;
  const properties = ["-p", "Type", "-p", "IdleHint", "-p", "IdleSinceHint"];
  const sessions = await Promise.all(
    ids.map(
      async (id) =>
        (await run("loginctl", ["show-session", id, ...properties], { timeout: TIMEOUT_MS })).stdout,
    ),
  );
  // Terminals are known better by their own times.
  return parseSessions(sessions.filter((text) => /^Type=(x11|wayland|mir)$/m.test(text)).join("\n"), nowMs);
}

/** What `ioreg -c IOHIDSystem` says on macOS, in nanoseconds. */
export const parseIoreg = (text: string): number | undefined => {
  const ns = /"HIDIdleTime" = (\d+)/.exec(text)?.[1];
  return ns === undefined ? undefined : Number(ns) / 1e6;
};

/** Asks Windows for the time since the last input, in milliseconds. */
const WINDOWS_SCRIPT = `
Add-Type -Namespace M -Name I -MemberDefinition @'
[StructLayout(LayoutKind.Sequential)] public struct L { public uint size; public uint time; }
[DllImport("user32.dll")] public static extern bool GetLastInputInfo(ref L info);
public static uint Ms() { L l = new L(); l.size = 8; GetLastInputInfo(ref l); return (uint)Environment.TickCount - l.time; }
'@
[M.I]::Ms()`;

/** How long nobody has touched this machine; undefined where that cannot be told. */
export async function untouchedMs(nowMs = Date.now()): Promise<number | undefined> {
  switch (process.platform) {
    case "linux":
      return linuxUntouchedMs(nowMs);
    case "darwin":
      return parseIoreg(
        (await run("ioreg", ["-c", "IOHIDSystem", "-d", "4"], { timeout: TIMEOUT_MS })).stdout,
      );
    case "win32": {
      const { stdout } = await run("powershell", ["-NoProfile", "-Command", WINDOWS_SCRIPT], {
        timeout: TIMEOUT_MS,
      });
      return Number.isFinite(Number.parseInt(stdout, 10)) ? Number.parseInt(stdout, 10) : undefined;
    }
    default:
      return undefined;
  }
}
