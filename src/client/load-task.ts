import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MusketeersError } from "../protocol/index.ts";
import { type Bundle, bundleSource } from "./bundle.ts";
import type { LoadedTask } from "./loaded.ts";
import { resolveOptions, type TaskOptions } from "./options.ts";

/** What an export of a module turned out to be. */
interface FoundExport {
  readonly name: string;
  readonly kind: "task" | "function" | "other";
  readonly title: string;
  readonly entry: string;
  readonly options: TaskOptions;
}

interface Inspection {
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
const report = (connects) => {
  const exports = [];
  for (const [name, get] of Object.entries(globalThis[at("exports")] ?? {})) {
    let value;
    try { value = get(); } catch { continue; }
    const info = typeof value === "function" ? value[at("task")] : undefined;
    const kind = info !== undefined ? "task" : typeof value === "function" ? "function" : "other";
    exports.push({ name, kind, title: value?.name ?? "", entry: info?.entry ?? "", options: info?.options ?? {} });
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

function inspectIn(directory: string): Promise<Inspection> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ["--enable-source-maps", join(directory, "inspector.mjs"), "./bundle.mjs"],
      { stdio: ["ignore", "ignore", "pipe", "ipc"], serialization: "advanced" },
    );
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

async function inspect(bundle: Bundle): Promise<Inspection> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-load-"));
  try {
    const code = withExportGetters(new TextDecoder().decode(bundle.code));
    await writeFile(join(directory, "bundle.mjs"), code);
    await writeFile(join(directory, "inspector.mjs"), inspector);
    return await inspectIn(directory);
  } catch (cause) {
    throw new MusketeersError(
      "BUNDLE_FAILED",
      `${bundle.file} fails while it is loaded: ${(cause as Error).message}`,
      {
        hint: "Its top level must run by itself; move what needs more into the task.",
        cause,
      },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function choose(path: string, found: readonly FoundExport[], name: string | undefined): FoundExport {
  const callable = found.filter(({ kind }) => kind !== "other");
  const tasks = callable.filter(({ kind }) => kind === "task");
  const only = tasks.length > 0 ? tasks : callable;
  const chosen =
    name === undefined ? (only.length === 1 ? only[0] : undefined) : callable.find((it) => it.name === name);
  if (chosen !== undefined) return chosen;
  const list = callable.map((it) => it.name).join(", ");
  const message =
    name !== undefined
      ? `${path} exports no function ${name}`
      : only.length === 0
        ? `${path} exports no task`
        : `${path} exports several tasks`;
  throw new MusketeersError(
    "TASK_EXPORT_MISSING",
    message,
    list === "" ? {} : { hint: `It exports ${list}: name one as ${path}#${callable[0]!.name}.` },
  );
}

/**
 * Bundles a file and finds the task, or plain function, that it exports under a name. Without a name it
 * must export exactly one. The module's top level runs once, in a process of its own, to learn the options.
 * @throws MusketeersError `TASK_EXPORT_MISSING` listing what there is; `BUNDLE_FAILED`, `NOT_FOUND`.
 */
export async function loadTask(path: string, exportName?: string): Promise<LoadedTask> {
  const bundle = await bundleSource(path);
  const { exports, connects } = await inspect(bundle);
  const chosen = choose(path, exports, exportName);
  if (chosen.kind === "function" && connects) {
    throw new MusketeersError(
      "TASK_EXPORT_MISSING",
      `${chosen.name} of ${path} is no task, and the file uses a cluster itself`,
      {
        hint: `Write export const ${chosen.name} = task(…), or move it to a file of its own.`,
      },
    );
  }
  resolveOptions(chosen.options);
  return {
    entry: chosen.kind === "task" ? chosen.entry : `export:${chosen.name}`,
    title: chosen.title || chosen.name,
    options: chosen.options,
    bundle,
  };
}
