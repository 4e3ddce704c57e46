import type { Command } from "commander";
import { defaultLimits, MusketeersError, type WorkerDescription } from "../../protocol/index.ts";
import type { WorkerHandle, WorkerNotice } from "../../worker/node.ts";
import {
  type Context,
  durationArgument,
  integerArgument,
  type JsonOption,
  jsonOption,
  listArgument,
  sizeArgument,
  withExamples,
} from "../context.ts";
import type { JoinEvent } from "../join-event.ts";
import { bytes, count, duration, plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { LiveLine } from "../render/progress.ts";
import type { Style } from "../render/style.ts";
import { listenForStop } from "../stop.ts";

interface JoinOptions extends JsonOption {
  readonly inviteEnv?: string;
  readonly name?: string;
  readonly slots?: number;
  readonly memory?: number;
  readonly allowNet: readonly string[];
  readonly label: readonly string[];
  readonly trust?: boolean;
  readonly grace?: number;
}

async function readInvite(
  text: string | undefined,
  options: JoinOptions,
  { terminal }: Context,
): Promise<string> {
  if (options.inviteEnv !== undefined) {
    const invite = terminal.env[options.inviteEnv];
    if (invite) return invite;
    throw new MusketeersError("BAD_ARGUMENT", `The environment has no ${options.inviteEnv}`);
  }
  if (text === "-") {
    let piped = "";
    for await (const chunk of terminal.input) piped += chunk;
    return piped;
  }
  if (text !== undefined) return text;
  throw new MusketeersError("BAD_ARGUMENT", "There is no invite", {
    hint: "Give it in quotes, or - to read it from standard input; the operator makes one with `musketeers invite --role worker`.",
  });
}

/** Tells a person, a program or the process that started this one what happens. */
class Reporter {
  readonly #context: Context;
  readonly #json: boolean;
  readonly #line: LiveLine;
  readonly #startedAtMs: number;
  #hub = "";
  #joined = false;
  #down = false;
  #inputsDone = 0;
  #inputsFailed = 0;

  constructor(context: Context, json: boolean) {
    this.#context = context;
    this.#json = json;
    this.#line = new LiveLine(context.terminal, context.terminal.errIsTTY && !json);
    this.#startedAtMs = context.terminal.now();
  }

  tell(event: JoinEvent): void {
    if (process.connected) process.send?.(event);
    const { terminal, outStyle } = this.#context;
    if (this.#json) terminal.out(jsonLine(event));
    else this.#line.above(() => terminal.out(renderEvent(event, outStyle)));
  }

  connected(hub: string): void {
    this.#hub = hub;
    if (this.#joined && this.#down) this.tell({ event: "reconnected", hub });
    this.#down = false;
  }

  /** One word for one break, however many tries it takes. */
  disconnected(message: string, retryInMs: number): void {
    if (this.#down) return;
    this.#down = true;
    this.tell({ event: "disconnected", message, retryInMs: Math.round(retryInMs) });
  }

  joined({ name, slots, memoryBytes, sandbox, allowNet }: WorkerDescription): void {
    this.#joined = true;
    this.tell({ event: "joined", hub: this.#hub, name, slots, memoryBytes, sandbox, allowNet });
  }

  ran(done: number, failed: number): void {
    this.#inputsDone += done;
    this.#inputsFailed += failed;
    const { terminal } = this.#context;
    const failures = this.#inputsFailed > 0 ? `, ${count(this.#inputsFailed)} failed` : "";
    const time = duration(terminal.now() - this.#startedAtMs);
    this.#line.set(`${plural(this.#inputsDone, "input")} done${failures}, here for ${time}`);
  }

  left(): void {
    this.#line.clear();
    this.tell({ event: "left", inputsDone: this.#inputsDone, inputsFailed: this.#inputsFailed });
  }

  clear(): void {
    this.#line.clear();
  }
}

/** An event as a person reads it. */
export function renderEvent(event: JoinEvent, style: Style): string {
  switch (event.event) {
    case "joined": {
      const { hub, name, slots, memoryBytes, sandbox, allowNet } = event;
      const net = allowNet.length === 0 ? "no network" : `only ${allowNet.map(printable).join(", ")}`;
      const cage =
        sandbox === "trusted"
          ? "without a sandbox, because you trust them"
          : `sandboxed by ${sandbox}, with ${net}`;
      return [
        `${style.good("Joined")} ${printable(hub)} as ${printable(name)}: ${plural(slots, "slot")}, up to ${bytes(memoryBytes)}.\n`,
        `Its tasks run ${cage}.\n`,
        style.dim("Ctrl-C leaves; what is not finished goes back.\n"),
      ].join("");
    }
    case "disconnected":
      return `${style.bad("Connection lost:")} ${event.message}; trying again …\n`;
    case "reconnected":
      return `${style.good("Connected again")} to ${printable(event.hub)}.\n`;
    case "refused":
      return `Refused ${printable(event.task)}: ${printable(event.message)}.\n`;
    case "left": {
      const failed = event.inputsFailed > 0 ? ` (${count(event.inputsFailed)} of them failed)` : "";
      return `Left. ${plural(event.inputsDone, "input")} done${failed}. Thank you.\n`;
    }
  }
}

/** Turns what the worker says into what is told. */
function listenTo(reporter: Reporter): (notice: WorkerNotice) => void {
  return (notice) => {
    switch (notice.type) {
      case "connected":
        reporter.connected(notice.hub);
        break;
      case "disconnected":
        reporter.disconnected(notice.error.message, notice.retryInMs);
        break;
      case "ran":
        reporter.ran(notice.done, notice.failed);
        break;
      case "refused":
        reporter.tell({ event: "refused", task: notice.task, message: notice.message });
        break;
      case "draining":
        break;
    }
  };
}

async function join(text: string | undefined, options: JoinOptions, context: Context): Promise<void> {
  const led = process.send !== undefined;
  using stopper = listenForStop({ led });
  const { name, slots, memory, allowNet, label, trust, grace } = options;
  const reporter = new Reporter(context, options.json === true);
  // Loaded here, so that the other commands start without it.
  const { startWorker } = await import("../../worker/node.ts");
  let worker: WorkerHandle;
  try {
    worker = await startWorker({
      invite: await readInvite(text, options, context),
      ...(name === undefined ? {} : { name }),
      ...(slots === undefined ? {} : { slots }),
      ...(memory === undefined ? {} : { memoryBytes: memory }),
      ...(trust === undefined ? {} : { trust }),
      ...(grace === undefined ? {} : { limits: { ...defaultLimits, drainGraceMs: grace } }),
      allowNet,
      labels: label,
      signal: stopper.signal,
      onEvent: listenTo(reporter),
    });
  } catch (error) {
    // Stopped before it had joined: there is nothing to hand back.
    if (stopper.signal.aborted) return;
    throw error;
  } finally {
    reporter.clear();
  }
  try {
    reporter.joined(worker.description);
    await worker.closed;
    reporter.left();
  } finally {
    reporter.clear();
    // The channel to a leading process would keep this one alive.
    if (led) process.disconnect?.();
  }
}

export function addJoin(program: Command, context: Context): void {
  const command = program
    .command("join")
    .argument("[invite]", "a worker's invite, in quotes; - reads it from standard input")
    .description("let this machine work for a hub, until Ctrl-C")
    .option("--invite-env <name>", "take the invite from this environment variable")
    .option("--name <name>", "what to call this worker (default: the machine's name)")
    .option(
      "--slots <n>",
      "tasks at once (default: one for each core)",
      integerArgument(1, defaultLimits.slotsPerWorkerMax),
    )
    .option("--memory <size>", "that one task may use, such as 2GB (default: the machine's)", sizeArgument)
    .option(
      "--allow-net <host>",
      "a host that tasks may reach, as host, host:port, *.host, or * for every public one; may be repeated",
      listArgument,
      [],
    )
    .option("--label <label>", "something that tasks may ask for; may be repeated", listArgument, [])
    .option(
      "--grace <duration>",
      "what may still be finished when it is asked to leave, such as 30s (default: 3s)",
      durationArgument,
    )
    .option("--trust", "run tasks without a sandbox: only for your own cluster and code")
    .addOption(jsonOption("print events as JSON lines"))
    .action((invite: string | undefined, options: JoinOptions) => join(invite, options, context));
  withExamples(
    command,
    ["musketeers join 'http://…/join#…'", "all cores, sandboxed, no network"],
    ["musketeers join 'http://…/join#…' --slots 2 --allow-net api.example.org", "with bounds"],
    ["echo 'http://…/join#…' | musketeers join -", "keeps the invite out of the shell's history"],
  );
}
