import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type EngineAddress, runWith } from "./engine.ts";

const run = promisify(execFile);
const SUITE = "bookworm";
const DEBOOTSTRAP_TIMEOUT_MS = 600_000;
/** Raised where what is in the archive changes. */
const VERSION = 1;
const AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt";

/** Images that the tests build on, since registries may be out of reach. */
export const baseImage = "musketeers-test-base";
export const runtimeImage = "musketeers-test-runtime";

const cacheDirectory = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "musketeers-test-containers");

/** A small Debian as an archive; made once, and kept for later runs. */
export async function debian(): Promise<string> {
  const archive = join(cacheDirectory(), `${SUITE}-${process.arch}-${VERSION}.tar`);
  if (await stat(archive).catch(() => undefined)) return archive;
  await mkdir(cacheDirectory(), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(), "making-"));
  try {
    const root = join(work, "root");
    await run("debootstrap", ["--variant=minbase", SUITE, root], {
      timeout: DEBOOTSTRAP_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
    // What images of Debian leave out, too.
    const left = ["usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale"];
    for (const path of [...left, "var/cache/apt", "var/lib/apt/lists"]) {
      await rm(join(root, path), { recursive: true, force: true, maxRetries: 10 });
    }
    for (const path of ["var/cache/apt/archives/partial", "var/lib/apt/lists/partial"]) {
      await mkdir(join(root, path), { recursive: true });
    }
    const part = join(work, "root.tar");
    await run("tar", ["-C", root, "-cf", part, "."], { timeout: 120_000 });
    await rename(part, archive);
  } finally {
    await rm(work, { recursive: true, force: true, maxRetries: 10 });
  }
  return archive;
}

/** Where npm itself is installed: beside the Node.js that runs this, or where Debian has it. */
async function npmDirectory(): Promise<string> {
  const { stdout } = await run("sh", ["-c", "command -v npm"]);
  return dirname(dirname(await realpath(stdout.trim())));
}

/** Loads both base images into an engine: Debian, and Debian with the Node.js and npm of this machine. */
export async function loadBases(engine: EngineAddress): Promise<void> {
  await runWith(engine, "docker", ["import", await debian(), runtimeImage]);
  const context = await mkdtemp(join(cacheDirectory(), "context-"));
  try {
    await cp(process.execPath, join(context, "node"));
    await cp(await npmDirectory(), join(context, "npm"), { recursive: true });
    // Who fetches packages through a proxy with a certificate of its own needs that within builds, too.
    await writeFile(join(context, "authorities.crt"), await readFile(AUTHORITIES).catch(() => ""));
    await writeFile(
      join(context, "Dockerfile"),
      [
        `FROM ${runtimeImage}`,
        `COPY authorities.crt ${AUTHORITIES}`,
        "COPY node /usr/local/bin/node",
        "COPY npm /usr/local/lib/node_modules/npm",
        "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm",
        `ENV NODE_EXTRA_CA_CERTS=${AUTHORITIES}`,
        "",
      ].join("\n"),
    );
    await runWith(engine, "docker", ["build", "--quiet", "--tag", baseImage, context]);
  } finally {
    await rm(context, { recursive: true, force: true, maxRetries: 10 });
  }
}
