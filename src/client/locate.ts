import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MusketeersError } from "../protocol/index.ts";
import { bundleSource, bundleText } from "./bundle.ts";
import { fileIdOf } from "./bundle-plugin.ts";
import { type InlineTask, isInlineTask, type LoadedTask } from "./loaded.ts";
import { taskInfo } from "./task.ts";

const howTo =
  'Write it as a task at the top level of a file: const name = task((input) => …), with task from "musketeers".';

function pathOf(script: string): string | undefined {
  if (script.startsWith("file:")) return fileURLToPath(script.replace(/[?#].*$/, ""));
  return /^([a-z]:)?[\\/]/i.test(script) ? script : undefined;
}

const comments = /\/\*[\s\S]*?\*\/|(?<![:\w"'`])\/\/.*$/gm;
const taskCalls =
  /(?:\b(?:const|let|var)\s+([\w$]+)[^;\n]*?=\s*)?(?<!\.\s*)\b(?:task|mapReduce)\s*(?:<[^(]*>)?\(/g;

/**
 * What the n-th `task()` call of a source text is assigned to, as far as a look at the text tells. Only for
 * people: an arrow function that is handed over has no name of its own.
 */
export function variableNameAt(source: string, ordinal: number): string | undefined {
  return [...source.replace(comments, "").matchAll(taskCalls)][ordinal]?.[1];
}

/**
 * Finds the source file of a task by where it was made, and bundles it.
 * @throws MusketeersError `TASK_UNKNOWN` for functions that are no tasks or stand in no file; as `bundleSource`.
 */
export async function locateTask(task: unknown): Promise<LoadedTask> {
  if (isInlineTask(task)) return loadInline(task);
  const info = taskInfo(task);
  if (info === undefined) {
    const name = typeof task === "function" && task.name !== "" ? `The function ${task.name}` : "This";
    throw new MusketeersError("TASK_UNKNOWN", `${name} is no task: its code cannot be found from here`, {
      hint: howTo,
    });
  }
  const { name } = task as { name: string };
  const path = info.site === undefined ? undefined : pathOf(info.site.script);
  if (info.site === undefined || path === undefined) {
    const where = info.site === undefined ? "an unknown place" : info.site.script;
    throw new MusketeersError("TASK_UNKNOWN", `The task ${name} was made in ${where}, not in a file`, {
      hint: howTo,
    });
  }
  const bundle = await bundleSource(path);
  const file = fileIdOf(bundle.root, bundle.file);
  const title = name || variableNameAt(await readFile(bundle.file, "utf8"), info.site.ordinal);
  return {
    entry: `site:${file}#${info.site.ordinal}`,
    title: title ?? `${file}#${info.site.ordinal}`,
    options: info.options,
    bundle,
  };
}

async function loadInline({ inline: { title, code }, options }: InlineTask): Promise<LoadedTask> {
  const bundle = await bundleText(`${title.replace(/[^\w.-]+/g, "-")}.js`, code);
  return { entry: "export:job", title, options, bundle };
}
