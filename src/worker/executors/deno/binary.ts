import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { MusketeersError } from "../../../protocol/index.ts";

const run = promisify(execFile);
const PROBE_TIMEOUT_MS = 20_000;

const unavailable = (message: string, cause?: unknown): MusketeersError =>
  new MusketeersError("SANDBOX_UNAVAILABLE", message, { cause });

/** The package that carries Deno's binary for a platform; found without any install script. */
function packageName(): string {
  const libc = process.platform === "linux" ? "-glibc" : "";
  return `@deno/${process.platform}-${process.arch}${libc}`;
}

function packagedBinary(): string {
  const name = packageName();
  const fromHere = createRequire(import.meta.url);
  const wanted = `${name}/package.json`;
  let manifest: string;
  try {
    manifest = fromHere.resolve(wanted);
  } catch {
    try {
      manifest = createRequire(fromHere.resolve("deno/package.json")).resolve(wanted);
    } catch (cause) {
      const what = process.arch === "arm" ? "Deno has no build for 32-bit ARM" : `${name} is not installed`;
      throw unavailable(`There is no sandbox on this machine: ${what}`, cause);
    }
  }
  return join(dirname(manifest), process.platform === "win32" ? "deno.exe" : "deno");
}

export interface DenoBinary {
  readonly path: string;
  /** Such as `v8-15`. */
  readonly engineClass: string;
}

/**
 * Finds a Deno that runs: the one that MUSKETEERS_DENO names, or the package's.
 * @throws MusketeersError `SANDBOX_UNAVAILABLE` with the reason.
 */
export async function findDeno(): Promise<DenoBinary> {
  const path = process.env.MUSKETEERS_DENO || packagedBinary();
  try {
    accessSync(path, constants.X_OK);
    const { stdout } = await run(path, ["--version"], {
      timeout: PROBE_TIMEOUT_MS,
      env: { NO_COLOR: "1" },
    });
    const version = /^v8 (\d+)/m.exec(stdout)?.[1];
    if (!stdout.startsWith("deno ") || version === undefined) throw new Error("it is another program");
    return { path, engineClass: `v8-${version}` };
  } catch (cause) {
    throw unavailable(`Deno does not run here (${path}): ${(cause as Error).message}`, cause);
  }
}
