import { type JobSpec, type Limits, MusketeersError } from "../../protocol/index.ts";
import { newId } from "../../security/index.ts";
import { canarySpec } from "../canaries.ts";
import { resolveOptions, type TaskOptions } from "../options.ts";
import type { Session } from "../session/session.ts";
import { containerDefinition, loadContainer } from "../tasks/container-task.ts";
import { isLoadedTask, type LoadedTask, type LoadTask } from "../tasks/loaded.ts";

/** What a submission takes from the cluster that it goes to. */
export interface SubmissionHost {
  readonly session: Session;
  readonly loadTask: LoadTask;
  readonly limits: Limits;
}

const TITLE_LENGTH_MAX = 256;

/**
 * The specification of a new job, signed where its submitter can sign.
 * @param partitions of a shuffle
 */
export function specOf(
  loaded: LoadedTask,
  overrides: TaskOptions,
  attached: boolean,
  { session, limits }: Pick<SubmissionHost, "session" | "limits">,
  partitions = 0,
): JobSpec {
  const options = { ...loaded.options, ...overrides };
  const { net, timeoutMs, memoryBytes, job } = resolveOptions(options, limits);
  const title = (overrides.name ?? loaded.title).slice(0, TITLE_LENGTH_MAX);
  const { entry, bundle, image } = loaded;
  const needs = { timeoutMs, memoryBytes, net, ...(image === undefined ? {} : { image }) };
  return {
    job: newId(),
    title,
    task: session.sign({ bundle: bundle.cid, entry, title, ...needs }, partitions),
    options: { ...job, attached },
    ...canarySpec(options.canaries, limits),
  };
}

/** A task with its code. @throws MusketeersError `TASK_UNKNOWN`, `BUNDLE_FAILED`, … */
export async function loadedTask(host: SubmissionHost, task: unknown): Promise<LoadedTask> {
  if (isLoadedTask(task)) return task;
  const container = containerDefinition(task);
  return container === undefined ? host.loadTask(task) : loadContainer(container);
}

/** Finds the task's code, puts it onto the hub, and makes the job's specification. */
export async function prepare(
  host: SubmissionHost,
  task: unknown,
  overrides: TaskOptions,
  attached: boolean,
): Promise<JobSpec> {
  const loaded = await loadedTask(host, task);
  const spec = specOf(loaded, overrides, attached, host);
  await host.session.ensureCode(loaded.bundle);
  return spec;
}

/** Refuses what is no source of inputs, at once and where the mistake is. */
export function checkInputs(inputs: unknown, name = "inputs"): void {
  if (
    typeof inputs === "object" &&
    inputs !== null &&
    (Symbol.iterator in inputs || Symbol.asyncIterator in inputs)
  )
    return;
  if (typeof inputs === "string") {
    throw new MusketeersError("BAD_ARGUMENT", `The ${name} are one text`, {
      hint: "Put it in a list, or use run().",
    });
  }
  throw new MusketeersError("BAD_ARGUMENT", `The ${name} are not iterable`, {
    hint: "Pass an array, a generator or a stream; for a single input use run().",
  });
}
