import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { JobSummary } from "../../protocol/index.ts";
import { extentOf } from "../../protocol/index.ts";
import { count, percent } from "../format.ts";
import { type Action, type Followed, wordsOf } from "../hub.ts";

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
}

/** Figures in a row, each with its name. */
export function Figures({ figures }: { readonly figures: readonly FigureProps[] }) {
  return (
    <dl class="figures">
      {figures.map(({ name, value, note = "" }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
          <dd class="note">{note}</dd>
        </div>
      ))}
    </dl>
  );
}

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly kind?: "number" | "wide" | "id";
}

interface TableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly empty: ComponentChildren;
}

/** A table that scrolls by itself where it is wider than the page. */
export function Table<Row>({ label, columns, rows, keyOf, empty }: TableProps<Row>) {
  if (rows.length === 0) return <div class="empty">{empty}</div>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, kind = "" }) => (
              <th key={title} scope="col" class={kind}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, cell, kind = "" }) => (
                <td key={title} class={kind}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface SectionProps {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Section({ title, aside, children }: SectionProps) {
  return (
    <section class="section">
      <header>
        <h2>{title}</h2>
        <div class="aside">{aside}</div>
      </header>
      {children}
    </section>
  );
}

interface MeterProps {
  readonly share: number;
  readonly label: string;
  /** A class that gives it its colour. */
  readonly tone?: string;
  /** Or its colour. */
  readonly colour?: string;
}

/** A share of something as a bar, with words for those who do not see it. */
export function Meter({ share, label, tone = "", colour }: MeterProps) {
  const whole = Math.max(0, Math.min(1, share));
  return (
    <span class={`meter ${tone}`} role="img" aria-label={label} title={label}>
      <span
        style={{
          transform: `scaleX(${whole})`,
          ...(colour === undefined ? {} : { backgroundColor: colour }),
        }}
      />
    </span>
  );
}

/** How far a job is. */
export function JobMeter({ job }: { readonly job: JobSummary }) {
  const { done, size, sealed } = extentOf(job);
  const share = size === 0 ? (job.state === "running" ? 0 : 1) : done / size;
  const label = sealed
    ? `${count(done)} of ${count(size)} done, ${percent(share)}`
    : `${count(done)} of ${count(size)} so far`;
  return <Meter share={sealed ? share : 0} label={label} tone={job.state} />;
}

function stateOf({ state, paused, waiting, failed }: JobSummary): {
  readonly words: string;
  readonly kind: string;
} {
  if (state !== "running")
    return { words: state === "done" && failed > 0 ? "done, with failures" : state, kind: state };
  if (paused) return { words: "paused", kind: "paused" };
  return waiting === "" ? { words: state, kind: state } : { words: "waits", kind: "waits" };
}

export function JobState({ job }: { readonly job: JobSummary }) {
  const { words, kind } = stateOf(job);
  return (
    <span class={`state ${kind}`} title={job.waiting}>
      {words}
    </span>
  );
}

/** A line to be pasted somewhere. */
export function CopyLine({ text, label }: { readonly text: string; readonly label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <div class="copyline">
      <code>{text}</code>
      <button type="button" onClick={copy} aria-label={`Copy ${label}`}>
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}

interface ActionButtonProps {
  readonly action: Action;
  readonly children: ComponentChildren;
  readonly tone?: "danger" | "main";
  readonly disabled?: boolean;
  /** What is asked before it is done. */
  readonly confirm?: string;
  /** What it does, where its text is a sign. */
  readonly label?: string;
  /** As wide as the longest of its texts. */
  readonly wide?: boolean;
}

export function ActionButton({
  action,
  children,
  tone,
  disabled = false,
  confirm: question,
  label,
  wide = false,
}: ActionButtonProps) {
  const press = () => {
    if (question === undefined || confirm(question)) action.run();
  };
  return (
    <button
      type="button"
      class={`${tone ?? ""} ${wide ? "wide" : ""}`.trim()}
      aria-label={label}
      disabled={disabled || action.busy}
      onClick={press}
    >
      {children}
    </button>
  );
}

export function Failure({ text }: { readonly text: string }) {
  return text === "" ? null : (
    <p class="failure" role="alert">
      {text}
    </p>
  );
}

interface WaitingProps {
  readonly followed: Followed;
  /** Where to go on where there is nothing. */
  readonly children?: ComponentChildren;
}

/** What stands on a page before its topic has said anything, or instead of it. */
export function Waiting({ followed: { error }, children }: WaitingProps) {
  if (error === undefined) return <p class="quiet">Asking the hub …</p>;
  return (
    <>
      <Failure text={wordsOf(error)} />
      {children}
    </>
  );
}
