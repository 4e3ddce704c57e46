import type { DatasetStatus } from "../../protocol/index.ts";
import { bytes, count, dateTime, plural } from "../format.ts";
import { rowsOf, useTopic } from "../hub.ts";
import { Table, Waiting } from "../parts/basics.tsx";

const holdersOf = ({ keptBy, lacks }: DatasetStatus): string => {
  const whole = keptBy.filter((holder) => holder.whole).map(({ worker }) => worker);
  const hub = lacks === undefined ? "the hub" : `the hub, but ${plural(lacks.blocks, "block")} of it`;
  const fetching = keptBy.length - whole.length;
  const parts = [hub, ...whole, ...(fetching > 0 ? [`${fetching} fetching`] : [])];
  return parts.join(", ");
};

/** The catalogue of datasets. */
export function DataPage() {
  const followed = useTopic("data");
  if (followed.state === undefined) return <Waiting followed={followed} />;
  const { count: number, bytes: size } = followed.state.values as { count: number; bytes: number };
  return (
    <>
      <header class="title">
        <h1>Data</h1>
        <p class="quiet">
          {plural(number, "dataset")}, {bytes(size)}
        </p>
      </header>
      <Table<DatasetStatus>
        label="Datasets"
        rows={rowsOf<DatasetStatus>(followed.state, "datasets")}
        keyOf={({ name }) => name}
        columns={[
          { title: "Name", cell: ({ name }) => name, kind: "wide" },
          { title: "Size", cell: (row) => bytes(row.bytes), kind: "number" },
          { title: "Files", cell: ({ files }) => count(files), kind: "number" },
          { title: "Kept by", cell: holdersOf },
          { title: "Put by", cell: ({ owner }) => owner },
          { title: "Since", cell: ({ createdAtMs }) => dateTime(createdAtMs) },
          { title: "CID", cell: ({ cid }) => <span title={cid}>{cid.slice(0, 16)}…</span>, kind: "id" },
        ]}
        empty={
          <p>
            No dataset yet. <code>musketeers put FOLDER --name NAME</code> stores one.
          </p>
        }
      />
    </>
  );
}
