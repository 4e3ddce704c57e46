import { execFile, execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { debian } from "./base.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;

/** podman with a store of its own. */
export interface Podman {
  /** What a worker needs to use it, and no docker. */
  readonly env: NodeJS.ProcessEnv;
  /** Its image with a shell and perl. */
  readonly image: string;
  ask(args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

/** Runs in whatever this process runs in: without systemd, and with the runtime that Debian has for docker, too. */
const configuration = `[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/** Copies of whole images: possible on every file system, and nothing is mounted that would have to be removed. */
const storage = (directory: string): string => `[storage]
driver = "vfs"
graphroot = "${join(directory, "images")}"
runroot = "${join(directory, "run")}"
`;

function installed(): boolean {
  try {
    execFileSync("sh", ["-c", "command -v podman && command -v runc"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Makes one, or says why podman cannot run containers here. */
export async function podmanOf(): Promise<Podman | { readonly why: string }> {
  if (!installed()) return { why: "podman or runc not found: apt-get install podman runc" };
  const archive = await debian().catch((error: Error) => error);
  if (archive instanceof Error) return { why: `no image to build on: ${archive.message}`.slice(0, 500) };
  const directory = await mkdtemp(join(tmpdir(), "musketeers-podman-"));
  const env = {
    CONTAINERS_CONF: join(directory, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(directory, "storage.conf"),
    DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}`,
  };
  const ask: Podman["ask"] = async (args) => {
    const options = { env: { ...process.env, ...env }, timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 };
    return (await run("podman", [...args], options)).stdout.trim();
  };
  const remove = async () => {
    await ask(["rm", "--all", "--force", "--volumes"]).catch(() => {});
    await ask(["rmi", "--all", "--force"]).catch(() => {});
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  };
  await mkdir(join(directory, "run"));
  await writeFile(env.CONTAINERS_CONF, configuration);
  await writeFile(env.CONTAINERS_STORAGE_CONF, storage(directory));
  try {
    const controllers = await ask(["info", "--format", "{{.Host.CgroupControllers}}"]);
    if (!/\bmemory\b.*\bpids\b/.test(controllers)) throw new Error("it cannot bound memory and processes");
    const image = await ask(["import", "--quiet", archive, "musketeers-test-runtime"]);
    const bounds = ["--memory=64m", "--ulimit=nofile=1024:1024", "--ulimit=nproc=16384:16384"];
    await ask(["run", "--rm", "--network=none", "--log-driver=none", ...bounds, image, "true"]);
    return { env, image, ask, remove };
  } catch (error) {
    const why = (error as Error).message.trim().split("\n").at(-1);
    await remove();
    return { why: `podman runs no containers here: ${why}`.slice(0, 500) };
  }
}
