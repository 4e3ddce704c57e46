import { renderShares } from "../commands/job.ts";
import { count, duration, rate } from "../render/format.ts";
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

export function renderCrawl({ rows, wallMs, perWorker }: CrawlReport, style: Style): string {
  const times = (crawl2016Ms / wallMs).toFixed(1);
  return [
    renderTable(tableColumns, rows, style.bold),
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
