import { basename, extname } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";
import { resolveOptions } from "../options.ts";
import { bundleSource } from "./bundle.ts";
import { loadContainer } from "./container-task.ts";
import { type FoundExport, type InspectOptions, inspect } from "./inspection.ts";
import type { LoadedTask } from "./loaded.ts";

/** What is exported by default is called as its file is; a bundler has made a name up for it. */
function titleOf({ name, title }: FoundExport, path: string): string {
  const isNamed = title !== "" && !(name === "default" && title.endsWith("_default"));
  if (isNamed) return title;
  return name === "default" ? basename(path, extname(path)) : name;
}

function hintFor(
  path: string,
  found: readonly FoundExport[],
  callable: readonly FoundExport[],
): { readonly hint?: string } {
  if (callable.length > 0) {
    const list = callable.map((it) => it.name).join(", ");
    return { hint: `It exports ${list}: name one as ${path}#${callable[0]!.name}.` };
  }
  // What a CommonJS module exports is to a bundler one object, its default.
  return found.length === 1 && found[0]!.name === "default"
    ? {
        hint: "module.exports has no names here: write export const name = task(…), in a file that ends in .mjs or .ts.",
      }
    : {};
}

function choose(path: string, found: readonly FoundExport[], name: string | undefined): FoundExport {
  const callable = found.filter(({ kind }) => kind !== "other");
  const tasks = callable.filter(({ kind }) => kind === "task");
  const only = tasks.length > 0 ? tasks : callable;
  const chosen =
    name === undefined ? (only.length === 1 ? only[0] : undefined) : callable.find((it) => it.name === name);
  if (chosen !== undefined) return chosen;
  const message =
    name !== undefined
      ? `${path} exports no function ${name}`
      : only.length === 0
        ? `${path} exports no task`
        : `${path} exports several tasks`;
  throw new MusketeersError("TASK_EXPORT_MISSING", message, hintFor(path, found, callable));
}

/**
 * Bundles a file and finds the task, or plain function, that it exports under a name. Without a name it
 * must export exactly one. The module's top level runs once, in a process of its own, to learn the options.
 * @throws MusketeersError `TASK_EXPORT_MISSING` listing what there is; `BUNDLE_FAILED`, also where its top
 * level takes longer than `sandboxLoadTimeoutMs`, as it would be given up on a worker; `NOT_FOUND`.
 */
export async function loadTask(
  path: string,
  exportName?: string,
  options: InspectOptions = {},
): Promise<LoadedTask> {
  const bundle = await bundleSource(path);
  const { exports, connects } = await inspect(bundle, options);
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
  if (chosen.container !== undefined) return loadContainer(chosen.container);
  resolveOptions(chosen.options);
  return {
    entry: chosen.kind === "task" ? chosen.entry : `export:${chosen.name}`,
    title: titleOf(chosen, path),
    options: chosen.options,
    ...(chosen.shuffle ? { shuffle: true } : {}),
    bundle,
  };
}
