import { execFile } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import process from "node:process";
import { promisify } from "node:util";
import { AUDIT_VARIABLE } from "./audit.ts";

const run = promisify(execFile);
const PROBE_TIMEOUT_MS = 20_000;

/** Where things are inside. */
const DENO = "/sandbox/deno";
const BOOTSTRAP = "/sandbox/bootstrap.js";
const AUDIT = "/sandbox/audit";
/** What a process needs to resolve names. */
const NAME_FILES = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"];

/** The descriptor on which bubblewrap tells the process id of what it runs. */
export const INFO_FD = 3;

export interface WrapOptions {
  /** Whether any host was granted. */
  readonly net: boolean;
  /** Pipe for what Deno says of permissions. */
  readonly audit?: string | undefined;
}

/** Builds command lines that run Deno with nothing of the machine but itself in view. */
export interface Bubblewrap {
  command(denoArgs: (bootstrap: string) => readonly string[], options: WrapOptions): readonly string[];
}

/** Shared libraries of a program, with its loader. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run("ldd", [program], { timeout: PROBE_TIMEOUT_MS });
  const paths = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)].map((match) => match[1]!);
  return [...new Set(paths)];
}

function baseArgs(deno: string, bootstrap: string, libraries: readonly string[]): string[] {
  const args = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--as-pid-1"];
  args.push("--clearenv", "--setenv", "DENO_DIR", "/tmp/deno", "--setenv", "NO_COLOR", "1");
  args.push("--hostname", "sandbox", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp");
  for (const path of libraries) args.push("--ro-bind", realpathSync(path), path);
  args.push("--ro-bind", deno, DENO, "--ro-bind", bootstrap, BOOTSTRAP, "--chdir", "/tmp");
  return args;
}

/** Bubblewrap, where it is installed and works here with this Deno; undefined elsewhere. */
export async function findBubblewrap(
  deno: string,
  bootstrap: string,
  probeArgs: (bootstrap: string) => readonly string[],
): Promise<Bubblewrap | undefined> {
  if (process.platform !== "linux") return undefined;
  try {
    const base = baseArgs(deno, bootstrap, await librariesOf(deno));
    // The bootstrap ends when its input does; Deno's own `--version` would not find out that /proc is missing.
    const probe = run("bwrap", [...base, "--remount-ro", "/", "--", DENO, ...probeArgs(BOOTSTRAP)], {
      timeout: PROBE_TIMEOUT_MS,
    });
    probe.child.stdin?.end();
    await probe;
    return {
      command(denoArgs, { net, audit }) {
        const names = NAME_FILES.filter((path) => existsSync(path));
        const netArgs = net ? ["--share-net", ...names.flatMap((path) => ["--ro-bind", path, path])] : [];
        const auditArgs =
          audit === undefined ? [] : ["--bind", audit, AUDIT, "--setenv", AUDIT_VARIABLE, AUDIT];
        const info = ["--info-fd", String(INFO_FD)];
        return [
          "bwrap",
          ...base,
          ...netArgs,
          ...auditArgs,
          "--remount-ro",
          "/",
          ...info,
          "--",
          DENO,
          ...denoArgs(BOOTSTRAP),
        ];
      },
    };
  } catch {
    return undefined;
  }
}
