import { useEffect, useState } from "preact/hooks";
import { type JobDetails, PRIORITY_MAX } from "../../protocol/index.ts";
import { maySubmit, useAction, useHub } from "../hub.ts";
import { ActionButton, Failure } from "./basics.tsx";

const shareOf = (priority: number): string =>
  priority === 0
    ? "an ordinary share"
    : priority > 0
      ? `${2 ** priority} times the share`
      : `1/${2 ** -priority} of the share`;

/** What those who may submit can do with a job that runs. */
export function JobActions({ job }: { readonly job: JobDetails }) {
  const { cluster, user } = useHub();
  const { job: id, title, paused, state } = job;
  // What the hub has said already counts, before it shows in what is followed.
  const [said, setSaid] = useState<number>();
  useEffect(() => setSaid(undefined), [job.priority]);
  const priority = said ?? job.priority;
  const prioritise = async (wished: number) =>
    setSaid((await cluster.call("adjust", { job: id, priority: wished })).priority);
  const pause = useAction(() => cluster.call("adjust", { job: id, paused: !paused }));
  const raise = useAction(() => prioritise(priority + 1));
  const lower = useAction(() => prioritise(priority - 1));
  const cancel = useAction(() => cluster.call("cancel", { job: id }));
  if (!maySubmit(user) || state !== "running") return null;
  return (
    <div class="actions">
      <fieldset class="stepper" title={`Among the jobs that want the same workers: ${shareOf(priority)}`}>
        <legend>Priority</legend>
        <ActionButton action={lower} disabled={priority <= -PRIORITY_MAX} label="Lower the priority">
          −
        </ActionButton>
        <output aria-label={`Priority ${priority}, ${shareOf(priority)}`}>{priority}</output>
        <ActionButton action={raise} disabled={priority >= PRIORITY_MAX} label="Raise the priority">
          +
        </ActionButton>
      </fieldset>
      <ActionButton action={pause} wide>
        {paused ? "Resume" : "Pause"}
      </ActionButton>
      <ActionButton
        action={cancel}
        tone="danger"
        confirm={`Stop ${title}? What has not ended yet ends as cancelled.`}
      >
        Cancel
      </ActionButton>
      <Failure text={pause.failure || raise.failure || lower.failure || cancel.failure} />
    </div>
  );
}
