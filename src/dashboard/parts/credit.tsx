import type { LiveState } from "../../client/browser.ts";
import type { CreditSummary } from "../../protocol/index.ts";
import { count, dateTime, duration } from "../format.ts";
import { rowsOf } from "../hub.ts";
import { Meter, Section, Table } from "./basics.tsx";

/** Who gave how much, the most first. */
export function Credit({ state }: { readonly state: LiveState }) {
  const rows = rowsOf<CreditSummary>(state, "credit").toSorted((a, b) => b.seconds - a.seconds);
  const most = rows[0]?.seconds ?? 0;
  return (
    <Section
      title="Credit"
      aside={<span class="quiet">accepted work, in time on a core of the reference speed</span>}
    >
      <Table<CreditSummary>
        label="Credit"
        rows={rows}
        keyOf={({ person, project }) => `${person} ${project}`}
        columns={[
          { title: "Who", cell: ({ label, person }) => label || person.slice(0, 12), kind: "wide" },
          { title: "Project", cell: ({ project }) => project },
          { title: "Gave", cell: ({ seconds }) => duration(seconds * 1000), kind: "number" },
          {
            title: "Share",
            cell: ({ seconds }) => (
              <Meter
                share={most === 0 ? 0 : seconds / most}
                label={`${count(seconds)} seconds`}
                tone="done"
              />
            ),
          },
          { title: "Inputs", cell: ({ inputs }) => count(inputs), kind: "number" },
          { title: "Last", cell: ({ lastAtMs }) => dateTime(lastAtMs) },
        ]}
        empty="Nobody has been credited with anything yet."
      />
    </Section>
  );
}
