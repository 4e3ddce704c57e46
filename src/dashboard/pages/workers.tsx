import type { OverviewValues } from "../../protocol/index.ts";
import { age, bytes, count } from "../format.ts";
import { useTopic } from "../hub.ts";
import { Meter, Section, Table, Waiting } from "../parts/basics.tsx";
import { JoinLine } from "../parts/join-line.tsx";
import { type WallRow, wallRows } from "../parts/wall.tsx";
import { pathOf } from "../route.ts";

/** All workers in a list. */
export function WorkersPage() {
  const followed = useTopic("overview");
  if (followed.state === undefined) return <Waiting followed={followed} />;
  const { omitted } = followed.state.values as unknown as OverviewValues;
  return (
    <>
      <header class="title">
        <h1>Workers</h1>
      </header>
      <Table<WallRow>
        label="Workers"
        rows={wallRows(followed.state)}
        keyOf={({ identity }) => identity.worker}
        columns={[
          {
            title: "Worker",
            cell: ({ identity: { worker, name } }) => <a href={pathOf("worker", worker)}>{name}</a>,
            kind: "wide",
          },
          { title: "Machine", cell: ({ identity: { platform, arch } }) => `${platform} ${arch}` },
          { title: "Memory", cell: ({ identity }) => bytes(identity.memoryBytes), kind: "number" },
          { title: "Sandbox", cell: ({ identity }) => identity.sandbox },
          {
            title: "Slots",
            cell: ({ work: { busySlots, slots } }) => (
              <>
                <Meter
                  share={slots === 0 ? 0 : busySlots / slots}
                  label={`${busySlots} of ${slots} slots busy`}
                />{" "}
                {busySlots} / {slots}
              </>
            ),
            kind: "number",
          },
          { title: "Done", cell: ({ work }) => count(work.inputsDone), kind: "number" },
          {
            title: "Failed",
            cell: ({ work: { inputsFailed } }) => (
              <span class={inputsFailed > 0 ? "bad" : "quiet"}>{count(inputsFailed)}</span>
            ),
            kind: "number",
          },
          {
            title: "Here for",
            cell: ({ identity }) => age(Date.now() - identity.connectedAtMs),
            kind: "number",
          },
        ]}
        empty={<p>No worker yet.</p>}
      />
      {omitted.workers > 0 && <p class="quiet">and {count(omitted.workers)} more, which came earlier</p>}
      <Section title="Add a worker">
        <JoinLine />
      </Section>
    </>
  );
}
