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

/** Where nothing can be installed that would help. */
const withoutBuild = (what: string, way = ""): MusketeersError =>
  new MusketeersError(
    "SANDBOX_UNAVAILABLE",
    `There is no sandbox on this machine: Deno has no build for ${what}`,
    { hint: `${way}For your own cluster and code only, --trust does without.` },
  );

/** A machine, as far as programs are built for it. */
export interface Build {
  readonly platform: string;
  readonly arch: string;
  /** Of Linux: whether its C library is glibc. */
  readonly glibc: boolean;
}

/** Those that Deno is built for. */
const builds = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64", "win32-arm64"];

function thisBuild(): Build {
  const { platform, arch } = process;
  if (platform !== "linux") return { platform, arch, glibc: false };
  // It would look up names of network peers.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return { platform, arch, glibc: header?.glibcVersionRuntime !== undefined };
}

/**
 * The package that carries Deno's binary for a machine; found without any install script.
 * @throws MusketeersError `SANDBOX_UNAVAILABLE` where there is none, with the reason.
 */
export function denoPackage({ platform, arch, glibc }: Build): string {
  const name = `${platform}-${arch}`;
  if (arch === "arm") {
    throw withoutBuild("32-bit ARM", "Run a 64-bit system on it, if it can (docs/raspberry-pi.md). ");
  }
  if (!builds.includes(name)) throw withoutBuild(`${platform} on ${arch}`);
  if (platform === "linux" && !glibc) throw withoutBuild("a Linux without glibc, such as Alpine");
  return `@deno/${name}${platform === "linux" ? "-glibc" : ""}`;
}

function packagedBinary(): string {
  const build = thisBuild();
  const name = denoPackage(build);
  const fromHere = createRequire(import.meta.url);
  const wanted = `${name}/package.json`;
  let manifest: string;
  try {
    manifest = fromHere.resolve(wanted);
  } catch {
    try {
      manifest = createRequire(fromHere.resolve("deno/package.json")).resolve(wanted);
    } catch (cause) {
      throw unavailable(`There is no sandbox on this machine: ${name} is not installed`, cause);
    }
  }
  return join(dirname(manifest), build.platform === "win32" ? "deno.exe" : "deno");
}

export interface DenoBinary {
  readonly path: string;
  /** Such as `deno-v8-15`. Not `v8-15`, since Node.js builds V8 with another mathematical library. */
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
    return { path, engineClass: `deno-v8-${version}` };
  } catch (cause) {
    throw unavailable(`Deno does not run here (${path}): ${(cause as Error).message}`, cause);
  }
}
