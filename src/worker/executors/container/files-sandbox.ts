import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeValue, encodeValue, MusketeersError, toMusketeersError } from "../../../protocol/index.ts";
import { type Death, type Sandbox, type SandboxHandlers, silent } from "../port.ts";
import { Container, type Ending } from "./container.ts";
import { removeFolder, sizeOf } from "./folder.ts";
import { lineOf, ReportedFailure, recordOf } from "./json.ts";
import type { ContainerSandboxOptions } from "./lines-sandbox.ts";
import { ContainerLog } from "./log.ts";
import { Patience } from "./patience.ts";
import { failureNamed, inputsOf, type Outcome, report } from "./reports.ts";

export interface FilesSandboxOptions extends Omit<ContainerSandboxOptions, "args" | "name"> {
  /** A directory of its own. */
  readonly directory: string;
  /** What to tell the engine for the n-th container. */
  readonly argsOf: (name: string, files: { readonly in: string; readonly out: string }) => readonly string[];
  readonly nameOf: (at: number) => string;
}

/** Names of files that are no paths. */
const PLAIN_NAME = /^(?!\.{1,2}$)[^/\0]{1,255}$/;
const EVERYBODY = 0o777;
const READABLE_FOLDER = 0o755;
const READABLE_FILE = 0o644;

interface Files {
  readonly value: unknown;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** An input as its container finds it. @throws MusketeersError `BAD_ARGUMENT` */
function filesOf(record: Uint8Array): Files {
  const input = decodeValue(record);
  const { value = null, files = {} } = Object(input) as { value?: unknown; files?: object };
  const found = new Map<string, Uint8Array>();
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    if (!PLAIN_NAME.test(name) || !(bytes instanceof Uint8Array)) {
      throw new MusketeersError(
        "BAD_ARGUMENT",
        `files: ${JSON.stringify(name)} is no name of a file with its bytes or text`,
        {
          hint: 'Give { value: …, files: { "name": bytes } }.',
        },
      );
    }
    found.set(name, bytes);
  }
  return { value, files: found };
}

/** One container after the other: each takes one input, with files in `/in`, and leaves files in `/out`. */
export class FilesSandbox implements Sandbox {
  handlers: SandboxHandlers;
  readonly memoryBytes = 0;
  readonly pid = undefined;
  readonly #options: FilesSandboxOptions;
  readonly #waiting: Uint8Array[] = [];
  readonly #patience: Patience;
  #container: Container | undefined;
  #at = 0;
  #works: Promise<void> | undefined;
  #state: "runs" | "dying" | "gone" = "runs";
  #verdict: Death | undefined;
  #frozen = false;
  /** Fulfilled when its last container and its directory are gone. */
  readonly gone: Promise<void>;
  #resolveGone: () => void = () => {};

  constructor(options: FilesSandboxOptions) {
    this.#options = options;
    this.handlers = options.handlers;
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    this.#patience = new Patience(() =>
      this.#condemn("timeout", `It took longer than ${options.order.task.timeoutMs} ms`),
    );
  }

  get alive(): boolean {
    return this.#state === "runs";
  }

  run(block: Uint8Array): void {
    if (!this.alive) return;
    this.#waiting.push(...inputsOf(block));
    this.#works ??= this.#work().finally(() => {
      this.#works = undefined;
    });
  }

  /** Results come one by one, so that there is nothing to hold back. */
  pause(): void {}
  resume(): void {}

  freeze(): boolean {
    if (this.#frozen || !this.alive) return true;
    this.#frozen = true;
    this.#patience.hold();
    this.#container?.freeze(true);
    return true;
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#patience.release();
    this.#container?.freeze(false);
  }

  async kill(): Promise<void> {
    this.handlers = silent;
    this.#end();
    await this.#works;
    await this.#leave();
  }

  async #leave(): Promise<void> {
    this.#state = "gone";
    await removeFolder(this.#options.directory);
    this.#resolveGone();
  }

  async #work(): Promise<void> {
    while (this.alive && this.#waiting.length > 0) {
      const beganMs = performance.now();
      const outcome = await this.#runOne(this.#waiting[0]!);
      if (!this.alive || outcome === undefined) break;
      this.#waiting.shift();
      this.handlers.onResults(report([outcome], performance.now() - beganMs));
    }
    if (this.#verdict !== undefined && this.#state !== "gone") {
      await this.#leave();
      this.handlers.onDeath(this.#verdict);
    }
  }

  /** What became of one input; undefined where that is the end. */
  async #runOne(record: Uint8Array): Promise<Outcome | undefined> {
    const { directory, limits, order } = this.#options;
    const place = join(directory, String(this.#at));
    const files = { in: join(place, "in"), out: join(place, "out") };
    try {
      const line = await this.#lay(record, files);
      const printed: Buffer[] = [];
      let bytes = 0;
      const ending = await this.#runContainer(line, files, (chunk) => {
        bytes += chunk.length;
        if (bytes <= limits.valueBytesMax) printed.push(chunk);
        else this.#condemn("crash", `It printed more than ${limits.valueBytesMax} bytes`);
      });
      if (!this.alive) return undefined;
      if (ending.outOfMemory) {
        this.#condemn(
          "crash",
          `It used more than ${Math.round(order.task.memoryBytes / 1024 / 1024)} MB of memory`,
        );
        return undefined;
      }
      if (ending.status !== 0) return { failure: failureNamed("ContainerExit", ending.message) };
      return { record: await this.#gather(Buffer.concat(printed).toString("utf8"), files.out) };
    } catch (thrown) {
      if (thrown instanceof ReportedFailure) return { failure: failureNamed(thrown.name, thrown.message) };
      const { code, message } = toMusketeersError(thrown);
      return { failure: failureNamed(code, message) };
    } finally {
      await removeFolder(place);
    }
  }

  /** Puts an input's files where its container finds them; gives what goes to its standard input. */
  async #lay(record: Uint8Array, places: { readonly in: string; readonly out: string }): Promise<string> {
    const { value, files } = filesOf(record);
    await mkdir(places.in, { recursive: true });
    await mkdir(places.out);
    // Whatever the mask of this process takes away: containers are run by somebody else.
    await chmod(places.in, READABLE_FOLDER);
    await chmod(places.out, EVERYBODY);
    for (const [name, bytes] of files) {
      await writeFile(join(places.in, name), bytes);
      await chmod(join(places.in, name), READABLE_FILE);
    }
    return lineOf(encodeValue(value));
  }

  async #runContainer(
    line: string,
    files: { readonly in: string; readonly out: string },
    onOutput: (chunk: Buffer) => void,
  ): Promise<Ending> {
    const { engine, order, limits, argsOf, nameOf } = this.#options;
    const name = nameOf(this.#at++);
    const log = new ContainerLog(limits, (block, dropped) => this.handlers.onLog(block, dropped));
    const container = new Container({
      engine,
      name,
      args: argsOf(name, files),
      onOutput,
      onErrors: (chunk) => log.push(chunk),
    });
    this.#container = container;
    this.#patience.start(order.task.timeoutMs + limits.sandboxLoadTimeoutMs);
    const watch = setInterval(() => void this.#watch(files.out), limits.memoryWatchIntervalMs);
    container.write(line);
    container.close();
    if (!this.alive) container.kill();
    const ending = await container.ended;
    clearInterval(watch);
    this.#patience.stop();
    this.#container = undefined;
    log.end();
    return ending;
  }

  /** A flood of files must not fill the volunteer's disk. */
  async #watch(folder: string): Promise<void> {
    const { valueBytesMax } = this.#options.limits;
    const bytes = await sizeOf(folder);
    if (bytes > valueBytesMax) this.#condemn("crash", tooMuch(bytes, valueBytesMax));
  }

  async #gather(printed: string, folder: string): Promise<Uint8Array> {
    const { valueBytesMax } = this.#options.limits;
    const bytes = await sizeOf(folder);
    if (bytes > valueBytesMax) throw new MusketeersError("LIMIT_EXCEEDED", tooMuch(bytes, valueBytesMax));
    const files: Record<string, Uint8Array> = {};
    for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      // Links could point to anything of this machine's.
      if (entry.isFile()) files[entry.name] = new Uint8Array(await readFile(join(folder, entry.name)));
    }
    return encodeValue({ value: valueIn(printed), files });
  }

  #condemn(kind: Death["kind"], message: string): void {
    if (!this.alive) return;
    this.#verdict = { kind, message, exact: true };
    this.#end();
  }

  #end(): void {
    if (!this.alive) return;
    this.#state = "dying";
    this.#patience.stop();
    this.#container?.kill();
  }
}

/** What a program printed: JSON where it is that, else text; nothing is null. */
function valueIn(printed: string): unknown {
  if (printed.trim() === "") return null;
  try {
    return decodeValue(recordOf(printed));
  } catch (thrown) {
    if (thrown instanceof ReportedFailure) throw thrown;
    return printed;
  }
}

const tooMuch = (bytes: number, bytesMax: number): string =>
  bytes === Number.POSITIVE_INFINITY
    ? "It left a folder in /out that cannot be read"
    : `It left more than ${bytesMax} bytes in /out`;
