import type { JobState, Segment, WorkerValues } from "../../protocol/index.ts";
import { about, age, bytes, count, list, percent } from "../format.ts";
import { mayManage, rowsOf, useAction, useHub, useTopic } from "../hub.ts";
import { ActionButton, Failure, Figures, Section, Table, Waiting } from "../parts/basics.tsx";
import { Standing, standingOf } from "../parts/standing.tsx";
import { Stream } from "../parts/stream.tsx";
import { pathOf } from "../route.ts";

interface WorkerJob {
  readonly job: string;
  readonly title: string;
  readonly state: JobState;
  readonly inputs: number;
}

type Worker = WorkerValues["worker"];

function figuresOf(worker: Worker, nowMs: number) {
  const { slots, busySlots, inputsDone, inputsFailed, memoryUsedBytes, memoryBytes, load } = worker;
  return [
    { name: "Slots", value: `${busySlots} / ${slots}`, note: "busy" },
    { name: "Done", value: about(inputsDone), note: "on this connection" },
    {
      name: "Failed",
      value: about(inputsFailed),
      note: inputsDone === 0 ? "" : percent(inputsFailed / inputsDone),
    },
    { name: "Memory", value: bytes(memoryUsedBytes), note: `of ${bytes(memoryBytes)}` },
    { name: "Load", value: percent(load), note: `here for ${age(nowMs - worker.connectedAtMs)}` },
  ];
}

function containersOf({ allowImages }: Worker): string {
  if (allowImages === undefined) return "none";
  if (allowImages.includes("*")) return "of any image";
  return allowImages.length === 0 ? "of images that its volunteer agrees to" : list(allowImages);
}

/** What is worth saying of a machine, with words for what is empty. */
function factsOf(worker: Worker): readonly (readonly [string, string])[] {
  const { platform, arch, cores, sandbox, engineClass, version, speed, labels, capabilities, allowNet } =
    worker;
  return [
    ["Machine", `${platform} ${arch}, ${cores} cores, ${bytes(worker.memoryBytes)}`],
    ["Speed", `${about(speed)} million steps a second and core`],
    ["Sandbox", sandbox],
    ["Engine", engineClass],
    ["Version", version],
    [
      "Network for tasks",
      allowNet.length === 0 ? "none" : allowNet.includes("*") ? "every public host" : list(allowNet),
    ],
    ["Containers", containersOf(worker)],
    ["Labels", labels.length === 0 ? "none" : list(labels)],
    ["Capabilities", capabilities.length === 0 ? "none" : list(capabilities)],
  ];
}

function Drain({ worker }: { readonly worker: Worker }) {
  const { cluster, user } = useHub();
  const drain = useAction(() => cluster.call("drain", { worker: worker.worker }));
  if (!mayManage(user)) return null;
  return (
    <div class="actions">
      <ActionButton
        action={drain}
        disabled={worker.draining}
        confirm={`Let ${worker.name} finish what it runs and leave?`}
      >
        {worker.draining ? "Leaving" : "Drain"}
      </ActionButton>
      <Failure text={drain.failure} />
    </div>
  );
}

/** One worker: what it is, what it does and did. */
export function WorkerPage({ of }: { readonly of: string }) {
  const followed = useTopic("worker", of);
  const { state, error } = followed;
  if (state === undefined) {
    return (
      <Waiting followed={followed}>
        <a href={pathOf("workers")}>All workers</a>
      </Waiting>
    );
  }
  const { worker, person, nowMs } = state.values as unknown as WorkerValues;
  const segments = rowsOf<Segment>(state, "segments");
  return (
    <>
      <header class="title">
        <h1>{worker.name}</h1>
        <span class={`state ${error === undefined ? (worker.draining ? "waits" : "done") : "broken"}`}>
          {error === undefined ? (worker.draining ? "leaving" : "connected") : "gone"}
        </span>
        {error === undefined && <Drain worker={worker} />}
      </header>
      <Figures figures={figuresOf(worker, nowMs)} />
      <Section title="Task stream" aside={<span class="quiet">coloured by job</span>}>
        <Stream
          segments={segments}
          nowMs={nowMs}
          label={`What ran on its slots, ${count(segments.length)} units`}
          colourBy={({ job }) => job}
        />
      </Section>
      <Section title="Jobs that it worked on">
        <Table<WorkerJob>
          label="Jobs of this worker"
          rows={rowsOf<WorkerJob>(state, "jobs").toReversed()}
          keyOf={({ job }) => job}
          columns={[
            {
              title: "Task",
              cell: ({ job, title }) => <a href={pathOf("job", job)}>{title}</a>,
              kind: "wide",
            },
            { title: "Inputs", cell: ({ inputs }) => count(inputs), kind: "number" },
            { title: "State", cell: (row) => <span class={`state ${row.state}`}>{row.state}</span> },
          ]}
          empty="None yet."
        />
      </Section>
      <Section title="What it is">
        <dl class="facts">
          {person !== undefined && (
            <div>
              <dt>Trust</dt>
              <dd>
                <Standing person={person} />, {standingOf(person).why}; {count(person.valid)} results
                confirmed, {count(person.invalid)} refuted
              </dd>
            </div>
          )}
          {factsOf(worker).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </Section>
    </>
  );
}
