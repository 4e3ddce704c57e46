import { useEffect, useState } from "preact/hooks";
import type { Outcome } from "../../client/browser.ts";
import type { JobDetails } from "../../protocol/index.ts";
import { count } from "../format.ts";
import { useAction, useHub } from "../hub.ts";
import { ActionButton, Failure, Section, Table } from "./basics.tsx";
import { columnsOf, csvLine, jsonOf, textOf } from "./value-text.ts";

const PREVIEW_ROWS = 10;
const CELL_CHARACTERS_MAX = 300;
/** Text that is put together before it becomes a part of the file. */
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

/** Saves a file from the page. */
function save(parts: BlobPart[], name: string, type: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function Download({ job, kind }: { readonly job: JobDetails; readonly kind: "jsonl" | "csv" }) {
  const { cluster } = useHub();
  const [got, setGot] = useState(0);
  const download = useAction(async () => {
    const line = kind === "csv" ? csvLines() : jsonLine;
    const parts: BlobPart[] = [];
    let text = "";
    let number = 0;
    for await (const outcome of cluster.job(job.job).results({ ordered: true })) {
      text += line(outcome);
      if (++number % 1_000 === 0) setGot(number);
      if (text.length < PART_CHARACTERS) continue;
      // A blob leaves the page's memory where the browser wants to.
      parts.push(new Blob([text]));
      text = "";
    }
    save(
      [...parts, text],
      `${job.title.replace(/[^\w.-]+/g, "-")}-${job.job}.${kind}`,
      kind === "csv" ? "text/csv" : "application/x-ndjson",
    );
    setGot(0);
  });
  return (
    <>
      <ActionButton action={download} disabled={job.state === "running"}>
        {download.busy && got > 0 ? count(got) : kind === "csv" ? "CSV" : "JSON lines"}
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
