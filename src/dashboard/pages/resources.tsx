import { bytes, count, percent } from "../format.ts";
import { useTopic } from "../hub.ts";
import { Figures, Meter, Table, Waiting } from "../parts/basics.tsx";
import { type WallRow, wallRows } from "../parts/wall.tsx";
import { pathOf } from "../route.ts";

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

function figuresOf(rows: readonly WallRow[]) {
  let [cores, used, slots, busy, memory, memoryUsed] = [0, 0, 0, 0, 0, 0];
  for (const { identity, work } of rows) {
    cores += identity.cores;
    used += identity.cores * work.load;
    slots += work.slots;
    busy += work.busySlots;
    memory += identity.memoryBytes;
    memoryUsed += work.memoryUsedBytes;
  }
  return [
    { name: "Cores", value: count(cores), note: `${percent(share(used, cores))} at work` },
    { name: "Slots", value: count(slots), note: `${count(busy)} busy` },
    { name: "Memory", value: bytes(memory), note: `${bytes(memoryUsed)} used by tasks and agents` },
    { name: "Machines", value: count(rows.length), note: "" },
  ];
}

function Used({
  part,
  whole,
  text,
}: {
  readonly part: number;
  readonly whole: number;
  readonly text: string;
}) {
  return (
    <span class="used">
      <Meter share={share(part, whole)} label={text} /> <span>{text}</span>
    </span>
  );
}

/** What there is and what is used of it, in all and by worker. */
export function ResourcesPage() {
  const followed = useTopic("overview");
  if (followed.state === undefined) return <Waiting followed={followed} />;
  const rows = wallRows(followed.state);
  return (
    <>
      <header class="title">
        <h1>Resources</h1>
      </header>
      <Figures figures={figuresOf(rows)} />
      <Table<WallRow>
        label="Resources by worker"
        rows={rows}
        keyOf={({ identity }) => identity.worker}
        columns={[
          {
            title: "Worker",
            cell: ({ identity: { worker, name } }) => <a href={pathOf("worker", worker)}>{name}</a>,
            kind: "wide",
          },
          {
            title: "Cores",
            cell: ({ identity: { cores }, work: { load } }) => (
              <Used part={load} whole={1} text={`${percent(load)} of ${count(cores)}`} />
            ),
          },
          {
            title: "Slots",
            cell: ({ work: { busySlots, slots } }) => (
              <Used part={busySlots} whole={slots} text={`${count(busySlots)} of ${count(slots)}`} />
            ),
          },
          {
            title: "Memory",
            cell: ({ identity: { memoryBytes }, work: { memoryUsedBytes } }) => (
              <Used
                part={memoryUsedBytes}
                whole={memoryBytes}
                text={`${bytes(memoryUsedBytes)} of ${bytes(memoryBytes)}`}
              />
            ),
          },
        ]}
        empty={<p>No worker is connected.</p>}
      />
    </>
  );
}
