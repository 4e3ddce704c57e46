import type { ErrorCode, MusketeersError, WorkerDescription } from "../../protocol/index.ts";
import type { ConsentRequest } from "../../worker/node.ts";
import { EVERY_IMAGE } from "../arguments/container-options.ts";
import { renderAsks } from "../consent/consent-text.ts";
import type { Context } from "../context.ts";
import { bytes, count, duration, plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { LiveLine } from "../render/progress.ts";
import type { Style } from "../render/style.ts";
import type { JoinEvent, ReleaseEvent } from "./join-event.ts";

interface HubReport {
  readonly url: string;
  /** Its address until it has said its name. */
  name: string;
  joined: boolean;
  down: boolean;
  /** Another hub answers at its address. */
  replaced: boolean;
}

/** Tells a person, a program or the process that started this one what happens. */
export class Reporter {
  readonly #context: Context;
  readonly #json: boolean;
  readonly #line: LiveLine;
  readonly #startedAtMs: number;
  readonly #hubs: readonly HubReport[];
  #inputsDone = 0;
  #pausedFor: string | undefined;
  #inputsFailed = 0;
  #isAside = false;
  /** Told why the worker is of no use for now, or that it is. */
  onTrouble: (trouble: string | undefined) => void = () => {};

  /** @param hubs the addresses of all hubs that are joined */
  constructor(context: Context, hubs: readonly string[], json: boolean) {
    this.#context = context;
    this.#hubs = hubs.map((url) => ({ url, name: url, joined: false, down: false, replaced: false }));
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

  /** Whether any hub was joined. */
  get hasJoined(): boolean {
    return this.#hubs.some(({ joined }) => joined);
  }

  connected(at: number, name: string): void {
    const hub = this.#hubs[at]!;
    hub.name = name;
    if (hub.joined && hub.down) this.tell({ event: "reconnected", ...this.#which(at) });
    hub.down = false;
    hub.replaced = false;
    this.#judge();
  }

  /** One hub is enough to work for. */
  #judge(message = "no hub has let it in yet"): void {
    this.onTrouble(this.#hubs.some(({ joined, down }) => joined && !down) ? undefined : message);
  }

  /** One word for one break, however many tries it takes, and one where another hub is found there. */
  disconnected(at: number, { code, message, hint }: MusketeersError, retryInMs: number): void {
    const hub = this.#hubs[at]!;
    const which = this.#hubs.length === 1 ? {} : this.#which(at);
    if (code === "HUB_IDENTITY" && !hub.replaced) {
      hub.down = true;
      hub.replaced = true;
      this.#judge(message);
      this.tell({ event: "disconnected", ...which, code, message, retryInMs: Math.round(retryInMs) });
    }
    if (hub.down) return;
    hub.down = true;
    this.#judge(message);
    const advice = hub.joined || code !== "HUB_UNREACHABLE" ? {} : { hint };
    this.tell({ event: "disconnected", ...which, message, retryInMs: Math.round(retryInMs), ...advice });
  }

  joined(
    at: number,
    { name, slots, memoryBytes, sandbox, allowNet, allowImages }: WorkerDescription,
    servePort: number | undefined,
  ): void {
    const hub = this.#hubs[at]!;
    hub.joined = true;
    this.#judge();
    const port = servePort === undefined ? {} : { servePort };
    const containers = allowImages === undefined ? {} : { allowImages };
    const about = { name, slots, memoryBytes, sandbox, allowNet, ...containers, ...port };
    this.tell({ event: "joined", ...this.#which(at), ...about });
  }

  /** All hubs are told at once, so that the first notice is enough. */
  paused(reason: string): void {
    if (this.#pausedFor === reason) return;
    this.#pausedFor = reason;
    this.tell({ event: "paused", reason });
  }

  resumed(): void {
    if (this.#pausedFor === undefined) return;
    this.#pausedFor = undefined;
    this.tell({ event: "resumed" });
  }

  refused(at: number, task: string, code: ErrorCode, message: string): void {
    const which = this.#hubs.length === 1 ? {} : this.#which(at);
    this.tell({ event: "refused", ...which, task, code, message });
  }

  asks(
    at: number,
    { id: request, project, submitter, task, net, memoryBytes, images }: ConsentRequest,
  ): void {
    const which = this.#hubs.length === 1 ? {} : this.#which(at);
    const asked = { net, memoryBytes, ...(images === undefined ? {} : { images }) };
    this.tell({ event: "asks", ...which, request, project, submitter, task, ...asked });
  }

  /** One of several hubs is left; of a single one the end says it all. */
  ended(at: number, error?: MusketeersError): void {
    if (this.#hubs.length === 1) return;
    const why = error === undefined ? {} : { code: error.code, message: error.message };
    this.tell({ event: "ended", ...this.#which(at), ...why });
  }

  /** The hub's name; its address too where there are several, since all may have the same name. */
  #which(at: number): { readonly hub: string; readonly url?: string } {
    const { name, url } = this.#hubs[at]!;
    return this.#hubs.length === 1 ? { hub: name } : { hub: name, url };
  }

  ran(done: number, failed: number): void {
    this.#inputsDone += done;
    this.#inputsFailed += failed;
    if (this.#isAside) return;
    const { terminal } = this.#context;
    const failures = this.#inputsFailed > 0 ? `, ${count(this.#inputsFailed)} failed` : "";
    const time = duration(terminal.now() - this.#startedAtMs);
    this.#line.set(`${plural(this.#inputsDone, "input")} done${failures}, here for ${time}`);
  }

  /** Keeps its line off the screen while somebody is asked something. */
  async aside<T>(action: () => Promise<T>): Promise<T> {
    this.#line.clear();
    this.#isAside = true;
    try {
      return await action();
    } finally {
      this.#isAside = false;
    }
  }

  left(): void {
    this.#line.clear();
    this.tell({ event: "left", inputsDone: this.#inputsDone, inputsFailed: this.#inputsFailed });
  }

  clear(): void {
    this.#line.clear();
  }
}

/** A hub as a person knows it. */
function hubOf({ hub = "", url }: { readonly hub?: string; readonly url?: string }): string {
  return url === undefined || url === hub ? printable(hub) : `${printable(hub)} at ${printable(url)}`;
}

/** Which containers run, where any may. */
function renderImages(images: readonly string[] | undefined): string {
  if (images === undefined) return "";
  if (images.includes(EVERY_IMAGE))
    return "Containers run of ANY image that a project asks for which you agreed to (--allow-containers).\n";
  const named = images.length === 0 ? "the images that you granted" : images.map(printable).join(", ");
  return `Containers run of ${named}; you are asked about others.\n`;
}

/** An event as a person reads it. */
export function renderEvent(event: JoinEvent, style: Style): string {
  switch (event.event) {
    case "joined": {
      const { name, slots, memoryBytes, sandbox, allowNet, servePort } = event;
      const net = allowNet.length === 0 ? "no network" : `only ${allowNet.map(printable).join(", ")}`;
      const cage =
        sandbox === "trusted"
          ? "without a sandbox, because you trust them"
          : `sandboxed by ${sandbox}, with ${net}`;
      return [
        `${style.good("Joined")} ${hubOf(event)} as ${printable(name)}: ${plural(slots, "slot")}, up to ${bytes(memoryBytes)}.\n`,
        `Its tasks run ${cage}.\n`,
        renderImages(event.allowImages),
        servePort === undefined
          ? ""
          : `Its neighbours may fetch what it keeps of this hub: port ${servePort}.\n`,
        style.dim("Ctrl-C leaves; what is not finished goes back.\n"),
      ].join("");
    }
    case "disconnected": {
      if (event.code !== undefined) {
        const first = `${style.bad("Another hub answers:")} ${printable(event.message)}.\n`;
        const again = `Nothing is sent to it; looking every ${duration(event.retryInMs)} whether yours is back. Ctrl-C gives up.`;
        return `${first}${style.dim(again)}\n`;
      }
      if (event.hint !== undefined) {
        const first = `${style.bad("Not reached yet:")} ${printable(event.message)}.\n${printable(event.hint)}\n`;
        return `${first}${style.dim("Trying again until it answers; Ctrl-C gives up.\n")}`;
      }
      const lost = event.hub === undefined ? "Connection lost:" : `Connection to ${hubOf(event)} lost:`;
      return `${style.bad(lost)} ${event.message}; trying again …\n`;
    }
    case "reconnected":
      return `${style.good("Connected again")} to ${hubOf(event)}.\n`;
    case "paused":
      return `${style.accent("Paused:")} ${printable(event.reason)}.\n`;
    case "resumed":
      return `${style.good("Goes on")}.\n`;
    case "refused": {
      const of = event.hub === undefined ? "" : ` of ${hubOf(event)}`;
      const word = event.code === "UNTRUSTED_CODE" ? style.bad("Refused foreign code") : "Refused";
      return `${word}: ${printable(event.task)}${of}: ${printable(event.message)}.\n`;
    }
    case "asks": {
      const whose = event.submitter === "" ? "" : ` of ${printable(event.submitter)}`;
      const what = `${printable(event.task)}${whose}, project ${printable(event.project)}`;
      return [
        `${style.accent("Asks for more:")} ${what}: ${renderAsks(event)}.\n`,
        style.dim(`It does not run here unless you allow it: musketeers worker grant ${event.request}\n`),
      ].join("");
    }
    case "ended":
      return event.message === undefined
        ? `Left ${hubOf(event)}.\n`
        : `${style.bad(`Turned away by ${hubOf(event)}:`)} ${printable(event.message)}.\n`;
    case "left": {
      const failed = event.inputsFailed > 0 ? ` (${count(event.inputsFailed)} of them failed)` : "";
      return `Left. ${plural(event.inputsDone, "input")} done${failed}. Thank you.\n`;
    }
  }
}

/** What happens to the worker's program, as a person reads it. */
export function renderRelease(event: ReleaseEvent, style: Style): string {
  switch (event.event) {
    case "updating":
      return `${style.accent("Updating:")} the hub hands out another program (${printable(event.version)}); it is fetched meanwhile.\n`;
    case "updated":
      return `${style.good("Updated")} to the hub's ${printable(event.version)}.\n`;
    case "went-back":
      return `${style.bad("Went back")} to ${printable(event.version || "the program before")}: the hub's ended before it had joined.\n`;
    case "not-updated":
      return `${style.bad("Not updated:")} ${printable(event.message)} (${event.code}); it goes on as it is. ${printable(event.hint)}\n`;
  }
}
