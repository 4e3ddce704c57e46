import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connect } from "../../client/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import type { Context, JsonOption } from "../context.ts";
import { ExitStatus } from "../failure.ts";
import { lendProfile } from "../files/profile.ts";
import { jsonLine } from "../render/json.ts";
import { pageLink } from "../render/page-link.ts";
import { LiveLine } from "../render/progress.ts";
import type { Style } from "../render/style.ts";
import { listenForStop, type StopSignal, signalStatus } from "../stop.ts";
import { countWords, crawl, paintPicture, type Stage } from "./acts.ts";
import { largeCanvas, smallCanvas } from "./picture/parts.ts";
import { type DemoReport, renderCrawl, renderPicture, renderWordCount } from "./report.ts";
import { gatherTroupe, type Troupe } from "./troupe.ts";
import { readText } from "./words.ts";

export interface DemoOptions extends JsonOption {
  readonly once?: boolean;
  readonly text?: string;
  readonly lan?: boolean;
  readonly insecureHttp?: boolean;
}

type Say = (text: string) => void;

const PROFILE = "demo";
const LINK_EXPIRES_MS = 24 * 3_600_000;

/** The acts whose results a terminal can show. */
async function perform(stage: Stage, troupe: Troupe, options: DemoOptions, say: Say): Promise<DemoReport> {
  const { outStyle } = stage;
  const text = await readText(options.text);
  say(`Four musketeers have joined ${troupe.hub.url}. They fetch thirty stocks' pages, 100 ms each.\n\n`);
  const crawled = await crawl(stage, troupe.exchange);
  say(
    `${renderCrawl(crawled, outStyle, stage.terminal.outIsTTY ? stage.terminal.columns : undefined)}\nNow they count the words of ${options.text ?? "this package's own texts"}, one task a word.\n\n`,
  );
  const wordCount = await countWords(stage, text);
  say(renderWordCount(wordCount, outStyle));
  if (!options.once) return { crawl: crawled, wordCount };
  say("\nLast they paint a small picture.\n\n");
  const picture = await paintPicture(stage, smallCanvas);
  say(renderPicture(picture, outStyle));
  return { crawl: crawled, wordCount, picture };
}

const taskFile = fileURLToPath(new URL(`./count-word${import.meta.url.slice(-3)}`, import.meta.url));

function nextSteps(troupe: Troupe, job: string, style: Style): string {
  const { invite, hub } = troupe;
  const lend = hub.invite({ role: "worker", label: "demo", expiresInMs: LINK_EXPIRES_MS });
  return [
    `\n${style.bold("Last they paint a picture. Open this in a browser and watch it come about:")}\n`,
    `\n    ${whereToLook(troupe, job)}\n`,
    `\n${style.bold("The demo's cluster stays up until Ctrl-C. Three things to try meanwhile:")}\n`,
    `\n  Let any browser's tab help, with one click:\n    ${lend}\n`,
    `\n  Let a fifth musketeer join, and see it with \`npx musketeers workers --hub ${PROFILE}\`:\n    npx musketeers join --name dartagnan '${invite("worker", "demo")}'\n`,
    `\n  Give it work of your own:\n    printf 'one\\nfor\\nall\\n' | npx musketeers run '${taskFile}' --hub ${PROFILE}\n\n`,
  ].join("");
}

const whereToLook = ({ hub }: Troupe, job: string): string =>
  // Whoever started the demo may do everything on its hub: look, help with a tab, invite others.
  `${pageLink(hub.invite({ role: "admin", label: "demo", expiresInMs: LINK_EXPIRES_MS }))}/picture/${job}`;

/** Paints, and paints again for each line that somebody enters: with more helpers it goes faster. */
async function keepPainting(stage: Stage, troupe: Troupe, over: Promise<unknown>): Promise<void> {
  const { terminal, outStyle, signal } = stage;
  const paint = async (announce: (job: string) => string) => {
    const report = await paintPicture(stage, largeCanvas, (job) => terminal.out(announce(job)));
    terminal.out(renderPicture(report, outStyle));
  };
  await paint((job) => nextSteps(troupe, job, outStyle));
  if (!terminal.inputIsTTY) return;
  const lines = createInterface({ input: terminal.input, signal });
  try {
    for (;;) {
      terminal.out("\nPress Enter to have it painted again, by all who are there now.\n");
      if (await Promise.race([over.then(() => true), once(lines, "line").then(() => false)])) return;
      await paint((job) => `\n    ${whereToLook(troupe, job)}\n\n`);
    }
  } finally {
    lines.close();
  }
}

/** The last act takes a minute, in which there is much to try. */
async function stayUp(stage: Stage, troupe: Troupe, stopped: Promise<StopSignal>): Promise<void> {
  const restore = await lendProfile(PROFILE, troupe.invite("admin", "demo"), troupe.hub.url);
  try {
    const over = Promise.race([stopped, troupe.hub.closed]);
    const painting = keepPainting(stage, troupe, over).catch((error: unknown) => {
      if (!stage.signal.aborted) throw error;
    });
    await Promise.race([over, painting]);
    await over;
  } finally {
    await restore();
  }
}

/** Plays all acts on a cluster of its own, and ends it. */
export async function demo(options: DemoOptions, context: Context): Promise<void> {
  if (options.insecureHttp && !options.lan)
    throw new MusketeersError("BAD_ARGUMENT", "--insecure-http goes together with --lan");
  using stopper = listenForStop();
  const { terminal, outStyle } = context;
  const say: Say = (text) => {
    if (!options.json) terminal.out(text);
  };
  const line = new LiveLine(terminal, terminal.errIsTTY && options.json !== true);
  line.set("Starting a hub and four workers on this machine; Ctrl-C ends it all …");
  const troupe = await gatherTroupe(options).finally(() => line.clear());
  try {
    await using cluster = await connect({ hub: troupe.invite("submitter", "demo"), signal: stopper.signal });
    const quiet = options.json === true;
    const stage: Stage = { cluster, terminal, outStyle, quiet, signal: stopper.signal };
    const report = await perform(stage, troupe, options, say);
    if (options.json) terminal.out(jsonLine(report));
    if (!options.once) await stayUp(stage, troupe, stopper.stopped);
  } catch (error) {
    // What Ctrl-C interrupts is no failure of the demo.
    if (stopper.signal.aborted) throw new ExitStatus(signalStatus(stopper.signal.reason as StopSignal));
    throw error;
  } finally {
    await troupe.close();
  }
}
