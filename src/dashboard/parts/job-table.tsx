import { extentOf, type JobRow } from "../../protocol/index.ts";
import { count, dateTime, duration } from "../format.ts";
import { pathOf } from "../route.ts";
import { type Column, JobMeter, JobState, Table } from "./basics.tsx";

const columns: readonly Column<JobRow>[] = [
  {
    title: "Task",
    cell: (job) => (
      <>
        <a href={pathOf("job", job.job)}>{job.title}</a>
        {job.picture !== undefined && (
          <a class="aside-link" href={pathOf("picture", job.job)}>
            picture
          </a>
        )}
      </>
    ),
    kind: "wide",
  },
  { title: "Progress", cell: (job) => <JobMeter job={job} /> },
  {
    title: "Done",
    cell: (job) => {
      const { done, size, sealed } = extentOf(job);
      return `${count(done)} / ${count(size)}${sealed ? "" : "+"}`;
    },
    kind: "number",
  },
  {
    title: "Failed",
    cell: ({ failed }) => <span class={failed > 0 ? "bad" : "quiet"}>{count(failed)}</span>,
    kind: "number",
  },
  {
    title: "Took",
    cell: ({ submittedAtMs, endedAtMs }) => (
      <span title={`since ${dateTime(submittedAtMs)}`}>
        {duration((endedAtMs ?? Date.now()) - submittedAtMs)}
      </span>
    ),
    kind: "number",
  },
  { title: "State", cell: (job) => <JobState job={job} /> },
];

/** Jobs in a list, the first ones first. */
export function JobTable({ jobs, empty }: { readonly jobs: readonly JobRow[]; readonly empty?: string }) {
  return (
    <Table
      label="Jobs"
      columns={columns}
      rows={jobs}
      keyOf={({ job }) => job}
      empty={
        empty ?? (
          <p>
            No job yet. <code>musketeers run FILE.ts --inputs FILE</code> submits one.
          </p>
        )
      }
    />
  );
}
