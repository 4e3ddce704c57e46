import { setTimeout as pause } from "node:timers/promises";
import type { ReadStream } from "node:tty";
import type { Command } from "commander";
import type { Cluster } from "../../client/index.ts";
import {
  type Context,
  durationArgument,
  type HubOption,
  withCluster,
  withExamples,
  withHubOptions,
} from "../context.ts";
import { jsonLine } from "../render/json.ts";
import { renderTop, type Snapshot } from "../render/top-screen.ts";
import { listenForStop } from "../stop.ts";

interface TopOptions extends HubOption {
  readonly interval: number;
}

const INTERVAL_MS = 1_000;
/** Asking more often would be work of its own for the hub. */
const INTERVAL_MIN_MS = 200;
const JOBS_SHOWN_MAX = 100;
const HISTORY_MAX = 500;

/** The terminal's other screen, so that what stood there before is there again afterwards; and no cursor. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

async function look(cluster: Cluster): Promise<Snapshot> {
  const [status, workers, jobs] = await Promise.all([
    cluster.call("status", {}),
    cluster.call("workers", {}),
    cluster.call("jobs", { limit: JOBS_SHOWN_MAX }),
  ]);
  return { status, workers, jobs };
}

/** Calls back at `q` or Ctrl-C; gives what puts the keyboard back as it was. */
function onQuit(input: ReadStream, quit: () => void): () => void {
  const onKey = (key: Buffer) => {
    if (["q", "Q", "\u0003"].includes(key.toString())) quit();
  };
  input.setRawMode(true).resume().on("data", onKey);
  return () => {
    input.off("data", onKey).setRawMode(false).pause();
  };
}

async function follow(cluster: Cluster, context: Context, intervalMs: number): Promise<void> {
  const { terminal, outStyle } = context;
  using stopper = listenForStop();
  const restore = terminal.inputIsTTY
    ? onQuit(terminal.input as ReadStream, () => stopper.stop("SIGINT"))
    : () => {};
  const history: number[] = [];
  terminal.out(ENTER);
  try {
    while (!stopper.signal.aborted) {
      const snapshot = await look(cluster);
      history.push(snapshot.status.inputsPerSecond);
      if (history.length > HISTORY_MAX) history.shift();
      const { columns, rows } = terminal;
      const lines = renderTop(snapshot, history, { columns, rows }, terminal.now(), outStyle);
      terminal.out(HOME + lines.map((line) => line + CLEAR_LINE).join("\r\n") + CLEAR_BELOW);
      await pause(intervalMs, undefined, { signal: stopper.signal }).catch(() => {});
    }
  } finally {
    terminal.out(LEAVE);
    restore();
  }
}

export function addTop(program: Command, context: Context): void {
  const command = withHubOptions(program.command("top"))
    .option(
      "--interval <time>",
      "how often to look, such as 500ms (default: 1s)",
      durationArgument,
      INTERVAL_MS,
    )
    .action(async (options: TopOptions) => {
      await withCluster(context, options, async (cluster) => {
        const { terminal, outStyle } = context;
        if (options.json) return terminal.out(jsonLine(await look(cluster)));
        if (terminal.outIsTTY) return follow(cluster, context, Math.max(INTERVAL_MIN_MS, options.interval));
        const size = { columns: terminal.columns, rows: Number.POSITIVE_INFINITY };
        const snapshot = await look(cluster);
        const lines = renderTop(snapshot, [snapshot.status.inputsPerSecond], size, terminal.now(), outStyle);
        terminal.out(`${lines.join("\n")}\n`);
      });
    });
  withExamples(
    command,
    ["musketeers top", "until q or Ctrl-C"],
    ["musketeers top --json", "once, as one line of JSON; so it is without a terminal, in words"],
  );
}
