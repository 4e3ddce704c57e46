import "../styles/picture.css";
import type { JobValues } from "../../protocol/index.ts";
import { count, duration, percent, plural } from "../format.ts";
import { mayManage, useHub, useTopic } from "../hub.ts";
import { JobMeter, JobState, Waiting } from "../parts/basics.tsx";
import { Easel } from "../picture/easel.tsx";
import { HelpPaint } from "../picture/help-paint.tsx";
import { pathOf } from "../route.ts";

function howFar({ job, leftMs, nowMs }: JobValues): string {
  const { state, done, size, submittedAtMs, endedAtMs } = job;
  if (state !== "running")
    return `${plural(done, "part")} in ${duration((endedAtMs ?? nowMs) - submittedAtMs)}`;
  const left = leftMs === undefined ? "" : `, about ${duration(leftMs)} left`;
  return `${count(done)} of ${plural(size, "part")}, ${percent(size === 0 ? 0 : done / size)}${left}`;
}

/** A picture that the cluster paints, and who paints it. */
export function PicturePage({ of }: { readonly of: string }) {
  const { user } = useHub();
  const followed = useTopic("job", of);
  if (followed.state === undefined) {
    return (
      <Waiting followed={followed}>
        <a href={pathOf("jobs")}>All jobs</a>
      </Waiting>
    );
  }
  const values = followed.state.values as unknown as JobValues;
  const { job } = values;
  return (
    <>
      <header class="title">
        <h1>{job.title}</h1>
        <JobState job={job} />
        <p class="quiet">
          {howFar(values)} · <a href={pathOf("job", job.job)}>the job</a>
        </p>
      </header>
      {job.state === "running" && job.waiting !== "" && (
        <p class="warning" role="status">
          Waits: {job.waiting}
        </p>
      )}
      {job.reason !== "" && job.state !== "running" && <p class="warning">{job.reason}</p>}
      {job.picture === undefined ? (
        <div class="empty">
          <p>
            This job paints no picture. <a href={pathOf("job", job.job)}>Look at the job itself.</a>
          </p>
        </div>
      ) : (
        <div class="picture" style={{ "--wide": job.picture.width / job.picture.height }}>
          <JobMeter job={job} />
          <Easel job={job.job} title={job.title} size={job.picture} parts={job.size} />
          {job.state === "running" && mayManage(user) && <HelpPaint />}
        </div>
      )}
    </>
  );
}
