import { hostname } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { defaultLimits, MusketeersError } from "../../protocol/index.ts";
import { startWorker, type WorkerEvent, type WorkerHandle } from "../../worker/node.ts";
import {
  type Context,
  integerArgument,
  type JsonOption,
  jsonOption,
  sizeArgument,
  withExamples,
} from "../context.ts";
import type { JoinEvent } from "../join-event.ts";
import { bytes, count, duration, plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { LiveLine } from "../render/progress.ts";
import type { Style } from "../render/style.ts";
import { listenForStop, type Stopper } from "../stop.ts";

interface JoinOptions extends JsonOption {
  readonly inviteEnv?: string;
  readonly name?: string;
  readonly slots?: number;
  readonly memory?: number;
  readonly allowNet: readonly string[];
  readonly label: readonly string[];
  readonly trust?: boolean;
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
  inputsDone = 0;
  inputsFailed = 0;

  constructor(context: Context, json: boolean) {
    this.#context = context;
    this.#json = json;
    this.#line = new LiveLine(context.terminal, context.terminal.errIsTTY && !json);
    this.#startedAtMs = context.terminal.now();
  }

  tell(event: JoinEvent): void {
    process.send?.(event);
    const { terminal, outStyle } = this.#context;
    if (this.#json) terminal.out(jsonLine(event));
    else this.#line.above(() => terminal.out(renderEvent(event, outStyle)));
  }

  /** What has been done, on the live line. */
  progress(): void {
    const { terminal } = this.#context;
    const failed = this.inputsFailed > 0 ? `, ${count(this.inputsFailed)} failed` : "";
    const time = duration(terminal.now() - this.#startedAtMs);
    this.#line.set(`${plural(this.inputsDone, "input")} done${failed}, here for ${time}`);
  }

  left(): void {
    this.#line.clear();
    const { inputsDone, inputsFailed } = this;
    this.tell({ event: "left", inputsDone, inputsFailed });
  }
}

/** An event as a person reads it. */
export function renderEvent(event: JoinEvent, style: Style): string {
  switch (event.event) {
    case "joined": {
      const { hub, name, slots, memoryBytes, sandbox, allowNet } = event;
      const net = allowNet.length === 0 ? "no network" : `only ${allowNet.map(printable).join(", ")}`;
      const cage =
        sandbox === "trusted" ? "without a sandbox, because you trust them" : `sandboxed by ${sandbox}, with ${net}`;
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
    case "left": {
      const failed = event.inputsFailed > 0 ? ` (${count(event.inputsFailed)} of them failed)` : "";
      return `Left. ${plural(event.inputsDone, "input")} done${failed}. Thank you.\n`;
    }
  }
}

/** A worker that another process started ends with it, and leaves signals from the keyboard to it. */
function listenForParent(): Stopper {
  const stopper = listenForStop();
  if (process.send === undefined) return stopper;
  process.removeAllListeners("SIGINT");
  process.on("SIGINT", () => {});
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  return stopper;
}
