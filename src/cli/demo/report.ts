import stringWidth from "string-width";
import { count, duration, rate } from "../render/format.ts";
import { renderShares } from "../render/job-text.ts";
import type { Style } from "../render/style.ts";
import { type Column, renderTable } from "../render/table.ts";
import { crawl2016Ms, stockColumns } from "./stocks.ts";
import { wordCount2016 } from "./words.ts";

export type TableRow = readonly (string | number)[];

export interface CrawlReport {
  /** In the order of the inputs. */
  readonly rows: readonly TableRow[];
  readonly wallMs: number;
  /** Pages that each musketeer fetched. */
  readonly perWorker: Readonly<Record<string, number>>;
}

export interface WordCountReport {
  readonly total: number;
  readonly distinct: number;
  readonly top: readonly (readonly [word: string, count: number])[];
  readonly wallMs: number;
}

export interface PictureReport {
  readonly width: number;
  readonly height: number;
  /** That it was cut into. */
  readonly parts: number;
  readonly wallMs: number;
  /** Parts that each musketeer painted. */
  readonly perWorker: Readonly<Record<string, number>>;
}

/** What `demo --once --json` prints. */
export interface DemoReport {
  readonly crawl: CrawlReport;
  readonly wordCount: WordCountReport;
  /** With `--once`. */
  readonly picture?: PictureReport;
}

/** Columns 4 to 8 are prices and the change of one. */
const isPrice = (index: number): boolean => index >= 4 && index <= 8;

const tableColumns: readonly Column<TableRow>[] = stockColumns.map((title, index) => ({
  title,
  align: "right",
  value: (row) => {
    const cell = row[index];
    if (typeof cell !== "number") return cell ?? "";
    return isPrice(index) ? cell.toFixed(2) : index === 0 ? String(cell) : count(cell);
  },
}));

/** Which columns a terminal is shown: the first choice that it has room for. */
const choices: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  [0, 2, 4, 5, 6, 7, 8],
  [0, 7, 8],
];

/** Rows that a person looks at; where the output goes to a file, it has them all. */
const ROWS_SHOWN = 12;

/** What a person is to see of the table; without a bound all of it. */
function renderRows(rows: readonly TableRow[], style: Style, columnsMax: number | undefined): string {
  if (columnsMax === undefined) return renderTable(tableColumns, rows, style.bold);
  const shown = rows.slice(0, ROWS_SHOWN);
  const tables = choices.map((choice) =>
    renderTable(
      choice.map((at) => tableColumns[at]!),
      shown,
    ),
  );
  const fits = (table: string) => table.split("\n").every((line) => stringWidth(line) <= columnsMax);
  const [head = "", ...lines] = (tables.find(fits) ?? tables.at(-1)!).split("\n");
  const more = rows.length - shown.length;
  return `${style.bold(head)}\n${lines.join("\n")}${more > 0 ? style.dim(`… and ${count(more)} more\n`) : ""}`;
}

/** @param columnsMax how wide the terminal is, where it is one */
export function renderCrawl(
  { rows, wallMs, perWorker }: CrawlReport,
  style: Style,
  columnsMax?: number,
): string {
  const times = (crawl2016Ms / wallMs).toFixed(1);
  return [
    renderRows(rows, style, columnsMax),
    `\n${style.good(`${rows.length} stocks in ${duration(wallMs)}`)}; in 2016 four computers took ${duration(crawl2016Ms)} for them (now ${times} times as fast).\n\n`,
    renderShares(perWorker),
  ].join("");
}

const perSecond = (words: number, wallMs: number): string => rate((words * 1000) / wallMs);

export function renderWordCount({ total, distinct, top, wallMs }: WordCountReport, style: Style): string {
  const most = top.map(([word, number]) => `${word} ${style.dim(count(number))}`).join("  ");
  return [
    `${style.good(`${count(total)} words, one task a word, in ${duration(wallMs)}`)}: ${perSecond(total, wallMs)}.\n`,
    `In 2016, one message a word: the ${count(wordCount2016.words)} words of a novel in ${duration(wordCount2016.wallMs)}, ${perSecond(wordCount2016.words, wordCount2016.wallMs)}.\n`,
    `${count(distinct)} distinct; the most frequent: ${most}\n`,
  ].join("");
}

export function renderPicture(
  { width, height, parts, wallMs, perWorker }: PictureReport,
  style: Style,
): string {
  return [
    `${style.good(`${count(width * height)} pixels in ${count(parts)} parts, in ${duration(wallMs)}`)}.\n`,
    renderShares(perWorker),
  ].join("");
}
