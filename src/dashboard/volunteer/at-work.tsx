import type { Asks, TabRequest, TabState } from "../../worker/browser.ts";
import { about, bytes, count, duration, list, percent, plural } from "../format.ts";
import { Figures, Meter, Section, Table } from "../parts/basics.tsx";
import type { Given } from "./kept.ts";

function figuresOf({ running, slots, done }: TabState, given: Given) {
  const failed = done.failed === 0 ? "" : `, ${count(done.failed)} failed`;
  return [
    { name: "Runs now", value: count(running.length), note: `of ${plural(slots, "slot")}` },
    { name: "Done", value: about(done.inputs), note: `this visit${failed}` },
    { name: "Time given", value: duration(1_000 * done.seconds), note: "this visit" },
    {
      name: "In all",
      value: about(given.inputs),
      note: `${duration(1_000 * given.seconds)} to this project with this browser`,
    },
  ];
}

function Running({ running }: Pick<TabState, "running">) {
  return (
    <ul class="running">
      {running.map(({ job, task, inputs, done }) => (
        <li key={job}>
          <span>{task}</span>
          <span class="number quiet">
            {count(done)} of {count(inputs)}
          </span>
          <Meter
            share={inputs === 0 ? 0 : done / inputs}
            label={`${task}: ${percent(done / Math.max(1, inputs))}`}
          />
        </li>
      ))}
    </ul>
  );
}

const asksOf = ({ net, memoryBytes }: Asks): string =>
  list([...net, ...(memoryBytes > 0 ? [`${bytes(memoryBytes)} of memory`] : [])]);

interface RequestsProps {
  readonly requests: readonly TabRequest[];
  readonly grant: (asks: Asks) => void;
}

/** What does not run here until the volunteer says yes. */
function Requests({ requests, grant }: RequestsProps) {
  if (requests.length === 0) return null;
  return (
    <Section title="Asks for more">
      <ul class="requests">
        {requests.map((request) => (
          <li key={request.id}>
            <p>
              <strong>{request.task}</strong>
              {request.submitter === "" ? "" : ` of ${request.submitter}`} asks for {asksOf(request)}. It does
              not run here unless you allow it.
            </p>
            <button
              type="button"
              onClick={() => grant({ net: request.net, memoryBytes: request.memoryBytes })}
            >
              Allow
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** What the hub says of it: more than one machine may stand for one person. */
const creditText = ({ credit }: TabState): string =>
  credit === undefined
    ? "The hub counts what of it was accepted, to the credit of whom your invite stands for."
    : `Credited by the hub to whom your invite stands for: ${plural(credit.inputs, "input")}, ${duration(1_000 * credit.seconds)} of a reference core.`;

interface AtWorkProps {
  readonly state: TabState;
  readonly given: Given;
  readonly grant: (asks: Asks) => void;
}

/** What a tab does, did, and has given. */
export function AtWork({ state, given, grant }: AtWorkProps) {
  return (
    <>
      <Figures figures={figuresOf(state, given)} />
      <Requests requests={state.requests} grant={grant} />
      {state.running.length > 0 && (
        <Section title="Runs now">
          <Running running={state.running} />
        </Section>
      )}
      <Section title="What ran here" aside={<span class="quiet">this visit</span>}>
        <Table
          label="What ran here"
          rows={state.jobs}
          keyOf={({ task, submitter }) => `${submitter}\n${task}`}
          columns={[
            { title: "Task", cell: ({ task }) => task, kind: "wide" },
            { title: "Of", cell: ({ submitter }) => (submitter === "" ? "the hub" : submitter) },
            { title: "Inputs", cell: ({ inputs }) => count(inputs), kind: "number" },
            { title: "Failed", cell: ({ failed }) => count(failed), kind: "number" },
            { title: "Time", cell: ({ seconds }) => duration(1_000 * seconds), kind: "number" },
          ]}
          empty={<p>Each task that runs in this tab is listed here.</p>}
        />
        <p class="quiet">{creditText(state)}</p>
      </Section>
    </>
  );
}
