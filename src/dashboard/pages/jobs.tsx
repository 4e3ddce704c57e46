import { useEffect, useState } from "preact/hooks";
import { type JobRow, jobStates } from "../../protocol/index.ts";
import { count } from "../format.ts";
import { rowsOf, useTopic } from "../hub.ts";
import { Waiting } from "../parts/basics.tsx";
import { JobTable } from "../parts/job-table.tsx";

/** How long somebody may type on before the hub is asked. */
const TYPING_MS = 250;

/** All jobs that the hub keeps, with a search in titles, ids and errors. */
export function JobsPage() {
  const [text, setText] = useState("");
  const [state, setState] = useState("");
  const [search, setSearch] = useState("");
  useEffect(() => {
    const wished = [state === "" ? "" : `state:${state}`, text].join(" ").trim();
    const timer = setTimeout(() => setSearch(wished), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, state]);
  const followed = useTopic("jobs", search);
  const jobs = rowsOf<JobRow>(followed.state, "jobs").toReversed();
  const found = (followed.state?.values.found as number | undefined) ?? 0;
  return (
    <>
      <header class="title">
        <h1>Jobs</h1>
        <p class="quiet">{followed.state === undefined ? "" : `${count(found)} found`}</p>
      </header>
      <search class="filter">
        <input
          type="search"
          placeholder="Title, id or error"
          aria-label="Search jobs by title, id or error"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <select aria-label="State" value={state} onChange={(event) => setState(event.currentTarget.value)}>
          <option value="">any state</option>
          {jobStates.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
          <option value="paused">paused</option>
          <option value="failed">with failures</option>
        </select>
      </search>
      {followed.state === undefined ? (
        <Waiting followed={followed} />
      ) : (
        <JobTable jobs={jobs} {...(search === "" ? {} : { empty: "No job is like that." })} />
      )}
    </>
  );
}
