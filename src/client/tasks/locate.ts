import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MusketeersError } from "../../protocol/index.ts";
import { bundleSource, bundleText } from "./bundle.ts";
import { fileIdOf } from "./bundle-plugin.ts";
import { Hoist } from "./hoist.ts";
import { type InlineTask, isInlineTask, type LoadedTask } from "./loaded.ts";
import { type TaskInfo, taskInfo } from "./task.ts";

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

/** What a task that stands in no file may use of this package. */
const taskNames = ["checkpoint", "restored", "putFile", "BlobHandle"];

/** A task that stands in no file, as in a notebook: the function's own text is sent. */
async function loadText(name: string, { fn, options, site }: TaskInfo): Promise<LoadedTask> {
  if (fn === undefined || options.same !== undefined) {
    const where = site?.script || "no file";
    throw new MusketeersError("TASK_UNKNOWN", `The task ${name} was made in ${where}, not in a file`, {
      hint: howTo,
    });
  }
  const hoist = await Hoist.open({}, taskNames);
  const text = await hoist.text(fn, name || "the task").catch((cause: MusketeersError) => {
    throw new MusketeersError("TASK_UNKNOWN", cause.message, {
      hint: "It stands in no file, so only its own text is sent: make or import() within it what it needs, or write it as a task at the top level of a file, and import that.",
      cause,
    });
  });
  return loadInline({ inline: hoist.module(name || "task", text), options });
}

/**
 * Finds the source file of a task by where it was made, and bundles it. Of a task that stands in no file, as in a
 * notebook, the text is sent.
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
  if (info.site === undefined || path === undefined || !existsSync(path)) return loadText(name, info);
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
