import { extentOf, type JobDetails, type JobValues, type Segment } from "../../protocol/index.ts";
import { colourOf } from "../colours.ts";
import { about, count, dateTime, duration, percent, plural, rate } from "../format.ts";
import { maySubmit, rowsOf, useHub, useTopic } from "../hub.ts";
import { Band, BandLegend } from "../parts/band.tsx";
import { Figures, JobState, Meter, Section, Waiting } from "../parts/basics.tsx";
import { Chart } from "../parts/chart.tsx";
import { ErrorGroups } from "../parts/error-groups.tsx";
import { JobActions } from "../parts/job-actions.tsx";
import { Logs } from "../parts/logs.tsx";
import { Results } from "../parts/results.tsx";
import { Stream } from "../parts/stream.tsx";
import { pathOf } from "../route.ts";

const WORKERS_SHOWN = 24;

function figuresOf({ job, leftMs, nowMs, timeline }: JobValues) {
  const { done, size, sealed } = extentOf(job);
  const endMs = job.endedAtMs ?? nowMs;
  const running = job.state === "running";
  const tookMs = endMs - job.submittedAtMs;
  const counted = timeline.done.reduce((sum, number) => sum + number, 0);
  const left = leftMs === undefined ? "–" : duration(leftMs);
  return [
    { name: "Done", value: about(done), note: sealed ? `of ${count(size)}` : `of ${count(size)} so far` },
    { name: "Failed", value: about(job.failed), note: done === 0 ? "" : percent(job.failed / done) },
    { name: "Running", value: about(job.running), note: `${about(job.retrying)} wait for another try` },
    {
      name: "Speed",
      value: tookMs <= 0 ? "–" : rate((counted * 1000) / tookMs),
      note: "on average",
    },
    running
      ? { name: "Time left", value: left, note: `runs for ${duration(tookMs)}` }
      : { name: "Took", value: duration(tookMs), note: `ended ${dateTime(endMs)}` },
  ];
}

const waitingText = ({ paused, waiting }: JobDetails): string =>
  paused ? "Paused: nothing more of it is begun until somebody lets it go on." : `Waits: ${waiting}`;

/** Who did how much, the most first. */
function Shares({ perWorker }: Pick<JobDetails, "perWorker">) {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const all = Object.entries(perWorker).sort(([, a], [, b]) => b - a);
  const total = all.reduce((sum, [, number]) => sum + number, 0);
  const rest = all.slice(WORKERS_SHOWN).reduce((sum, [, number]) => sum + number, 0);
  const shown = all.slice(0, WORKERS_SHOWN);
  if (shown.length === 0) return <p class="empty">Nobody has done anything of it yet.</p>;
  return (
    <ul class="shares">
      {shown.map(([name, number]) => (
        <li key={name}>
          <span class="swatch" style={{ backgroundColor: colourOf(name, dark) }} />
          <span class="share-name">{name === "" ? "the hub" : name}</span>
          <span class="number">{count(number)}</span>
          <Meter
            share={number / total}
            label={`${percent(number / total)} by ${name}`}
            colour={colourOf(name, dark)}
          />
        </li>
      ))}
      {rest > 0 && (
        <li>
          <span class="swatch" />
          <span class="share-name">{count(all.length - WORKERS_SHOWN)} more</span>
          <span class="number">{count(rest)}</span>
          <Meter share={rest / total} label="by the others" />
        </li>
      )}
    </ul>
  );
}

/** One job: how far it is, who does it, what failed, what came out. */
export function JobPage({ of }: { readonly of: string }) {
  const { user } = useHub();
  const followed = useTopic("job", of);
  const { state } = followed;
  if (state === undefined) {
    return (
      <Waiting followed={followed}>
        <a href={pathOf("jobs")}>All jobs</a>
      </Waiting>
    );
  }
  const values = state.values as unknown as JobValues;
  const { job, bands, timeline, nowMs } = values;
  const segments = rowsOf<Segment>(state, "segments");
  const running = job.state === "running";
  return (
    <>
      <header class="title">
        <h1>{job.title}</h1>
        <JobState job={job} />
        <p class="quiet">
          <span class="id">{job.job}</span>, submitted {dateTime(job.submittedAtMs)}
        </p>
        <JobActions job={job} />
        {job.picture !== undefined && <a href={pathOf("picture", job.job)}>Look at the picture</a>}
      </header>
      {(job.waiting !== "" || job.paused || job.reason !== "") && (
        <p class="warning" role="status">
          {running ? waitingText(job) : job.reason}
        </p>
      )}
      <Figures figures={figuresOf(values)} />
      <Section title="Who did what" aside={<BandLegend votes={job.trust !== undefined} />}>
        {bands.map((band) => (
          <Band key={band.kind} band={band} />
        ))}
        <Shares perWorker={job.perWorker} />
      </Section>
      <Section title="Throughput">
        <Chart timeline={timeline} goesOn={running} label={`Results a second of ${job.title}`} />
      </Section>
      <Section title="Task stream" aside={<span class="quiet">each lane is a slot</span>}>
        <Stream
          segments={segments}
          nowMs={nowMs}
          label={`What ran on which slot, ${count(segments.length)} units`}
          colourBy={({ name }) => name}
        />
      </Section>
      <Section title="Errors" aside={<span class="quiet">{plural(job.errors.length, "kind")}</span>}>
        <ErrorGroups job={job} />
      </Section>
      {maySubmit(user) && <Results job={job} />}
      <Logs job={job.job} />
    </>
  );
}
