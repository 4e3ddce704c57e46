import type { JobRow, OverviewValues } from "../../protocol/index.ts";
import { about, age, bytes, count, lately, percent, plural, rate } from "../format.ts";
import { rowsOf, useTopic } from "../hub.ts";
import { Figures, Section, Waiting } from "../parts/basics.tsx";
import { Chart } from "../parts/chart.tsx";
import { JobTable } from "../parts/job-table.tsx";
import { JoinLine } from "../parts/join-line.tsx";
import { Wall, wallRows } from "../parts/wall.tsx";
import { pathOf } from "../route.ts";

function figuresOf({ status, inputs }: OverviewValues) {
  const busy = status.slots === 0 ? 0 : status.busySlots / status.slots;
  return [
    {
      name: "Results",
      value: rate(status.inputsPerSecond),
      note: `${about(status.inputsDone)} since the start`,
    },
    { name: "Running", value: about(inputs.running), note: plural(status.jobsRunning, "job") },
    { name: "Waiting", value: about(inputs.waiting), note: `${about(inputs.retrying)} for another try` },
    { name: "Workers", value: count(status.workers), note: plural(status.slots, "slot") },
    {
      name: "Busy",
      value: percent(busy),
      note: `${count(status.busySlots)} of ${count(status.slots)} slots`,
    },
  ];
}

/** The whole cluster at a glance. */
export function OverviewPage() {
  const followed = useTopic("overview");
  const { state } = followed;
  if (state === undefined) return <Waiting followed={followed} />;
  const values = state.values as unknown as OverviewValues;
  const { status, timeline, omitted } = values;
  const workers = wallRows(state);
  const jobs = rowsOf<JobRow>(state, "jobs").toReversed();
  return (
    <>
      <header class="title">
        <h1>{status.hub}</h1>
        <p class="quiet">
          up {age(Date.now() - status.upSinceMs)}, version {status.version}, {bytes(status.memoryBytes)} of
          memory
        </p>
      </header>
      {status.warnings.map((warning) => (
        <p key={warning} class="warning" role="status">
          {warning}
        </p>
      ))}
      <Figures figures={figuresOf(values)} />
      <Section
        title="Throughput"
        aside={<span class="quiet">{lately(timeline.done.length * timeline.stepMs)}</span>}
      >
        <Chart timeline={timeline} goesOn label={`Results a second, now ${rate(status.inputsPerSecond)}`} />
      </Section>
      <Section title="Workers" aside={<a href={pathOf("workers")}>as a list</a>}>
        {workers.length === 0 ? (
          <div class="empty">
            <p>No worker yet.</p>
            <JoinLine />
          </div>
        ) : (
          <Wall rows={workers} omitted={omitted.workers} />
        )}
      </Section>
      <Section
        title="Latest jobs"
        aside={omitted.jobs > 0 ? <a href={pathOf("jobs")}>all of them</a> : undefined}
      >
        <JobTable jobs={jobs} />
      </Section>
    </>
  );
}
