import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits, MusketeersError } from "../../protocol/index.ts";
import { abortReason } from "../errors.ts";
import type { TaskOptions } from "../options.ts";
import type { Bundle } from "./bundle.ts";
import type { ContainerDefinition } from "./container-task.ts";

/** What an export of a module turned out to be. */
export interface FoundExport {
  readonly name: string;
  readonly kind: "task" | "function" | "other";
  readonly title: string;
  readonly entry: string;
  readonly options: TaskOptions;
  readonly shuffle: boolean;
  /** It is a container. */
  readonly container?: ContainerDefinition;
}

export interface Inspection {
  readonly exports: readonly FoundExport[];
  /** Whether the module went on to use a cluster, so that its namespace is never there. */
  readonly connects: boolean;
}

/*
 * The module is evaluated in a process of its own: it may print, start servers or exit. A script that
 * awaits `connect()` never finishes its evaluation, so its exports are read through closures that are
 * written in front of it.
 */
const inspector = `
const at = (name) => Symbol.for("musketeers." + name);
// A function does not travel to the other process; that there is one does.
const plain = (options) => (options?.same === undefined ? (options ?? {}) : { ...options, same: true });
const report = (connects) => {
  const exports = [];
  for (const [name, get] of Object.entries(globalThis[at("exports")] ?? {})) {
    let value;
    try { value = get(); } catch { continue; }
    const info = typeof value === "function" ? value[at("task")] : undefined;
    const container = typeof value === "function" ? value[at("container")] : undefined;
    const kind = info !== undefined || container !== undefined ? "task" : typeof value === "function" ? "function" : "other";
    exports.push({ name, kind, title: value?.name ?? "", entry: info?.entry ?? "", options: plain(info?.options), shuffle: value?.[at("stages")] !== undefined, container });
  }
  process.send({ exports, connects }, () => process.exit(0));
};
globalThis[at("connect")] = () => report(true);
try {
  await import(process.argv[2]);
  report(false);
} catch (error) {
  process.send({ error: String(error?.stack ?? error) }, () => process.exit(1));
}
`;

/** Puts closures over a bundle's exports in front of it, by the export clause that ends it. */
export function withExportGetters(code: string): string {
  const clause = code.match(/^export \{([^}]*)\};$/gm)?.at(-1) ?? "";
  const getters = [...clause.matchAll(/^\s+(\S+?)(?: as (\S+?))?,?$/gm)].map(
    ([, local, name]) => `${JSON.stringify((name ?? local!).replace(/^"|"$/g, ""))}: () => ${local}`,
  );
  return `globalThis[Symbol.for("musketeers.exports")] = { ${getters.join(", ")} };${code}`;
}

/** Settles with what the child found out, once it has ended. */
function answerOf(child: ChildProcess): Promise<Inspection> {
  return new Promise((resolve, reject) => {
    let stderr = "";
    let answer: Partial<Inspection> & { error?: string } = {};
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-8192);
    });
    child.on("message", (message) => {
      answer = message as typeof answer;
    });
    child.on("error", reject);
    child.on("close", () => {
      if (answer.exports !== undefined) resolve(answer as Inspection);
      else reject(new Error(answer.error ?? (stderr.trim() || "it exited while it was loaded")));
    });
  });
}

async function inspectIn(
  directory: string,
  { signal, timeoutMs = defaultLimits.sandboxLoadTimeoutMs }: InspectOptions,
): Promise<Inspection> {
  const child = spawn(
    process.execPath,
    ["--enable-source-maps", join(directory, "inspector.mjs"), "./bundle.mjs"],
    { stdio: ["ignore", "ignore", "pipe", "ipc"], serialization: "advanced" },
  );
  // What never comes back to its event loop hears nothing but this.
  const kill = () => void child.kill("SIGKILL");
  const atExit = () => {
    kill();
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, timeoutMs);
  process.once("exit", atExit);
  signal?.addEventListener("abort", kill, { once: true });
  if (signal?.aborted) kill();
  try {
    return await answerOf(child);
  } catch (error) {
    throw late ? new Error(`it was not done after ${timeoutMs / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
    process.off("exit", atExit);
    signal?.removeEventListener("abort", kill);
  }
}

export interface InspectOptions {
  /** Ends it with the signal's reason. */
  readonly signal?: AbortSignal;
  /** What the module's top level may take. */
  readonly timeoutMs?: number;
}

/**
 * Runs a bundle's top level once, in a process of its own, to learn what it exports. Nothing of that is left,
 * however it ends.
 * @throws MusketeersError `BUNDLE_FAILED`; the signal's reason
 */
export async function inspect(bundle: Bundle, options: InspectOptions = {}): Promise<Inspection> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-load-"));
  try {
    const code = withExportGetters(new TextDecoder().decode(bundle.code));
    await writeFile(join(directory, "bundle.mjs"), code);
    await writeFile(join(directory, "inspector.mjs"), inspector);
    return await inspectIn(directory, options);
  } catch (cause) {
    if (options.signal?.aborted) throw abortReason(options.signal);
    throw new MusketeersError(
      "BUNDLE_FAILED",
      `${bundle.file} fails while it is loaded: ${(cause as Error).message}`,
      {
        hint: "Its top level must run by itself; move what needs more into the task.",
        cause,
      },
    );
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  }
}
