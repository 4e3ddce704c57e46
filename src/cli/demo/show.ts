import { fileURLToPath } from "node:url";
import { connect } from "../../client/index.ts";
import { pageLink } from "../commands/up.ts";
import type { Context, JsonOption } from "../context.ts";
import { ExitStatus } from "../failure.ts";
import { lendProfile } from "../profile.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { listenForStop, type StopSignal, signalStatus } from "../stop.ts";
import { countWords, crawl, type Stage } from "./acts.ts";
import { type DemoReport, renderCrawl, renderWordCount } from "./report.ts";
import { gatherTroupe, type Troupe } from "./troupe.ts";
import { readText } from "./words.ts";

export interface DemoOptions extends JsonOption {
  readonly once?: boolean;
  readonly text?: string;
}

const PROFILE = "demo";

async function perform(
  troupe: Troupe,
  options: DemoOptions,
  context: Context,
  signal: AbortSignal,
): Promise<DemoReport> {
  const { terminal, outStyle } = context;
  const say = (text: string) => {
    if (!options.json) terminal.out(text);
  };
  const text = await readText(options.text);
  const hub = troupe.invite("submitter", "demo");
  const cluster = await connect({ hub, signal });
  try {
    const stage: Stage = { cluster, terminal, quiet: options.json === true, signal };
    say(`Four musketeers have joined ${troupe.hub.url}. They fetch thirty stocks' pages, 100 ms each.\n\n`);
    const crawled = await crawl(stage, troupe.exchange);
    say(
      `${renderCrawl(crawled, outStyle)}\nNow they count the words of ${options.text ?? "this package's own texts"}, one task a word.\n\n`,
    );
    const wordCount = await countWords(stage, text);
    say(renderWordCount(wordCount, outStyle));
    return { crawl: crawled, wordCount };
  } finally {
    await cluster.close();
  }
}

const taskFile = fileURLToPath(new URL(`./count-word${import.meta.url.slice(-3)}`, import.meta.url));

function nextSteps({ invite }: Troupe, style: Style): string {
  return [
    `\n${style.bold("The demo's cluster stays up until Ctrl-C. Three things to try in a second terminal:")}\n`,
    `\n  Watch it in a browser:\n    ${pageLink(invite("viewer", "demo"))}\n`,
    `\n  Give it work of your own:\n    printf 'one\\nfor\\nall\\n' | npx musketeers run '${taskFile}' --hub ${PROFILE}\n`,
    `\n  Let a fifth musketeer join, and see it with \`npx musketeers workers --hub ${PROFILE}\`:\n    npx musketeers join --name dartagnan '${invite("worker", "demo")}'\n`,
  ].join("");
}

async function stayUp(troupe: Troupe, context: Context, stopped: Promise<StopSignal>): Promise<void> {
  const admin = troupe.invite("admin", "demo");
  const restore = await lendProfile(PROFILE, admin, troupe.hub.url);
  try {
    context.terminal.out(nextSteps(troupe, context.outStyle));
    await Promise.race([stopped, troupe.hub.closed]);
  } finally {
    await restore();
  }
}

/** Plays both acts on a cluster of its own, and ends it. */
export async function demo(options: DemoOptions, context: Context): Promise<void> {
  using stopper = listenForStop();
  const troupe = await gatherTroupe();
  try {
    const report = await perform(troupe, options, context, stopper.signal);
    if (options.json) context.terminal.out(jsonLine(report));
    if (!options.once) await stayUp(troupe, context, stopper.stopped);
  } catch (error) {
    // What Ctrl-C interrupts is no failure of the demo.
    if (stopper.signal.aborted) throw new ExitStatus(signalStatus(stopper.signal.reason as StopSignal));
    throw error;
  } finally {
    await troupe.close();
  }
}
