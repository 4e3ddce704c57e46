import type { Cluster } from "../../client/index.ts";
import { LiveLine, progressText } from "../render/progress.ts";
import type { Style } from "../render/style.ts";
import type { Terminal } from "../terminal.ts";
import { countWord } from "./count-word.ts";
import type { Exchange } from "./exchange.ts";
import { getTable } from "./get-table.ts";
import { paintPart } from "./paint-part.ts";
import { type Canvas, partsOf } from "./picture/parts.ts";
import type { CrawlReport, PictureReport, TableRow, WordCountReport } from "./report.ts";
import { stockRows } from "./stocks.ts";
import { splitWords, Tally } from "./words.ts";

const TOP_WORDS = 8;

/** What both acts need. */
export interface Stage {
  readonly cluster: Cluster;
  readonly terminal: Terminal;
  readonly outStyle: Style;
  readonly quiet: boolean;
  readonly signal: AbortSignal;
}

/** A clock, and a line on how far an act is, for acts with a known number of inputs. */
function openLine({ terminal, quiet }: Stage, size: number) {
  const line = new LiveLine(terminal, terminal.errIsTTY && !quiet);
  const startedAtMs = terminal.now();
  let done = 0;
  return {
    step: () =>
      line.set(
        progressText(
          { done: ++done, failed: 0, size, sealed: true },
          terminal.now() - startedAtMs,
          terminal.columns,
        ),
      ),
    /** @returns milliseconds since the act began */
    end: () => {
      line.clear();
      return terminal.now() - startedAtMs;
    },
    /** An act that is interrupted leaves no line behind. */
    [Symbol.dispose]: () => line.clear(),
  };
}

/** Act one: thirty pages of the exchange, one task a page. */
export async function crawl(stage: Stage, exchange: Exchange): Promise<CrawlReport> {
  const pages = stockRows.map(([stockId]) => ({ stockId, url: exchange.pageUrl(stockId) }));
  using line = openLine(stage, pages.length);
  const rows: TableRow[] = [];
  const perWorker: Record<string, number> = {};
  const options = { net: [exchange.host], signal: stage.signal };
  for await (const result of stage.cluster.map(getTable, pages, options)) {
    if (!result.ok) throw result.error;
    rows[result.index] = result.value;
    perWorker[result.worker] = (perWorker[result.worker] ?? 0) + 1;
    line.step();
  }
  return { rows, wallMs: line.end(), perWorker: Object.fromEntries(Object.entries(perWorker).sort()) };
}

/** Act two: the words of a text, one task a word, added up here. */
export async function countWords(stage: Stage, text: string): Promise<WordCountReport> {
  const words = splitWords(text);
  using line = openLine(stage, words.length);
  const tally = new Tally();
  for await (const result of stage.cluster.map(countWord, words, { signal: stage.signal })) {
    if (!result.ok) throw result.error;
    tally.add(result.value);
    line.step();
  }
  const wallMs = line.end();
  return { total: tally.total, distinct: tally.distinct, top: tally.top(TOP_WORDS), wallMs };
}

/**
 * Act three: a picture, one task a part.
 * @param canvas how large, and how fine
 * @param onBegun is told the job as soon as there is something to look at
 */
export async function paintPicture(
  stage: Stage,
  canvas: Canvas,
  onBegun: (job: string) => void = () => {},
): Promise<PictureReport> {
  const { width, height } = canvas;
  const parts = partsOf(canvas);
  const options = { picture: { width, height }, signal: stage.signal };
  const job = await stage.cluster.submit(paintPart, parts, options);
  onBegun(job.id);
  using line = openLine(stage, parts.length);
  const perWorker: Record<string, number> = {};
  for await (const outcome of job.results({ signal: stage.signal })) {
    if (!outcome.ok) throw outcome.error;
    perWorker[outcome.worker] = (perWorker[outcome.worker] ?? 0) + 1;
    line.step();
  }
  return {
    width,
    height,
    parts: parts.length,
    wallMs: line.end(),
    perWorker: Object.fromEntries(Object.entries(perWorker).sort()),
  };
}
