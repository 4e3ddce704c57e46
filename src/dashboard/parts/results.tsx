import { useEffect, useState } from "preact/hooks";
import type { Outcome } from "../../client/browser.ts";
import type { JobDetails } from "../../protocol/index.ts";
import { count, percent } from "../format.ts";
import { useAction, useHub } from "../hub.ts";
import { ActionButton, Failure, Section, Table } from "./basics.tsx";
import { openFile } from "./save-file.ts";
import { columnsOf, csvLine, jsonOf, textOf } from "./value-text.ts";

const PREVIEW_ROWS = 10;
const CELL_CHARACTERS_MAX = 300;
/** So many are asked where to be written to before they come. */
const LARGE_RESULTS = 20_000;
/** Text that is put together before it is written. */
const PART_CHARACTERS = 1 << 20;

type Line = (outcome: Outcome<unknown>) => string;

const jsonLine: Line = (outcome) =>
  `${jsonOf(outcome.ok ? { input: outcome.index, value: outcome.value } : { input: outcome.index, error: outcome.error })}\n`;

/** Columns follow the first value; results of a shuffle, or of one task, are alike. */
function csvLines(): Line {
  let columns: readonly string[] | undefined;
  let begun = false;
  return (outcome) => {
    const value = outcome.ok ? outcome.value : undefined;
    let head = "";
    if (!begun && outcome.ok) {
      begun = true;
      columns = columnsOf(value);
      head = csvLine(["input", ...(columns ?? ["value"]), "error"]);
    }
    const error = outcome.ok ? "" : `${outcome.error.name}: ${outcome.error.message}`;
    const fields =
      columns === undefined
        ? [value ?? ""]
        : columns.map((name) => (value as Record<string, unknown>)?.[name] ?? "");
    return head + csvLine([outcome.index, ...fields, error]);
  };
}

function Download({ job, kind }: { readonly job: JobDetails; readonly kind: "jsonl" | "csv" }) {
  const { cluster } = useHub();
  const [got, setGot] = useState(0);
  const download = useAction(async () => {
    const name = `${job.title.replace(/[^\w.-]+/g, "-")}-${job.job}.${kind}`;
    const type = kind === "csv" ? "text/csv" : "application/x-ndjson";
    const file = await openFile(name, type, job.done >= LARGE_RESULTS);
    if (file === undefined) return;
    const line = kind === "csv" ? csvLines() : jsonLine;
    let text = "";
    let number = 0;
    try {
      for await (const outcome of cluster.job(job.job).results({ ordered: true })) {
        text += line(outcome);
        if (++number % 1_000 === 0) setGot(number);
        if (text.length < PART_CHARACTERS) continue;
        // The hub sends no faster than this is written.
        await file.write(text);
        text = "";
      }
      await file.write(text);
      await file.close();
    } catch (error) {
      await file.abort();
      throw error;
    } finally {
      setGot(0);
    }
  });
  return (
    <>
      <ActionButton action={download} wide disabled={job.state === "running"}>
        {download.busy && got > 0
          ? percent(got / Math.max(1, job.done))
          : kind === "csv"
            ? "CSV"
            : "JSON lines"}
      </ActionButton>
      <Failure text={download.failure} />
    </>
  );
}

/** The first results that are there. */
function usePreview({ job, state, done }: JobDetails): readonly Outcome<unknown>[] {
  const { cluster } = useHub();
  const [rows, setRows] = useState<readonly Outcome<unknown>[]>([]);
  const isThere = done >= PREVIEW_ROWS || (state !== "running" && done > 0);
  useEffect(() => {
    if (!isThere) return;
    const stop = new AbortController();
    const read = async () => {
      const found: Outcome<unknown>[] = [];
      for await (const outcome of cluster.job(job).results({ signal: stop.signal })) {
        found.push(outcome);
        if (found.length === PREVIEW_ROWS) break;
      }
      setRows(found.sort((a, b) => a.index - b.index));
    };
    read().catch(() => {});
    return () => stop.abort();
  }, [cluster, job, isThere]);
  return rows;
}

const cut = (text: string): string =>
  text.length > CELL_CHARACTERS_MAX ? `${text.slice(0, CELL_CHARACTERS_MAX)} …` : text;

/** A look at what came out, and all of it as a file. */
export function Results({ job }: { readonly job: JobDetails }) {
  const rows = usePreview(job);
  return (
    <Section
      title="Results"
      aside={
        <div class="actions">
          <Download job={job} kind="jsonl" />
          <Download job={job} kind="csv" />
        </div>
      }
    >
      <Table
        label="The first results"
        rows={rows}
        keyOf={({ index }) => String(index)}
        columns={[
          { title: "Input", cell: ({ index }) => count(index), kind: "number" },
          {
            title: "Result",
            cell: (outcome) =>
              outcome.ok ? (
                <code>{cut(textOf(outcome.value))}</code>
              ) : (
                <span class="bad">{cut(`${outcome.error.name}: ${outcome.error.message}`)}</span>
              ),
            kind: "wide",
          },
          { title: "Worker", cell: ({ worker }) => worker },
        ]}
        empty="The first results are shown here as soon as there are some."
      />
    </Section>
  );
}
