import { hostname } from "node:os";
import { join } from "node:path";
import {
  CONTAINER_ENTRY,
  type ContainerSpec,
  decodeContainer,
  type Limits,
  MusketeersError,
} from "../../../protocol/index.ts";
import { newId } from "../../../security/index.ts";
import type { Executor, Sandbox, SandboxHandlers, SandboxOrder } from "../port.ts";
import { isAlive, makeScratch } from "../process/scratch.ts";
import { fileUser, type RunOptions, runArguments } from "./arguments.ts";
import { type ContainerEngine, findEngine } from "./engine.ts";
import { FilesSandbox } from "./files-sandbox.ts";
import { Images } from "./images.ts";
import { LinesSandbox } from "./lines-sandbox.ts";

export interface ContainerExecutorOptions {
  readonly limits: Limits;
  /** A network of the engine that tasks may use whose network is granted; none where nothing is said. */
  readonly network?: string;
}

const machine = hostname().replaceAll(/[^\w.-]/g, "-");

/** What is left of agents of this machine that ended without a word. */
async function sweep(engine: ContainerEngine): Promise<void> {
  const names = await engine.ask([
    "ps",
    "--all",
    `--filter=label=musketeers=${machine}`,
    "--format={{.Names}}",
  ]);
  for (const name of names.split("\n")) {
    const pid = /^musketeers-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    // Podman would ask it to end first, and wait.
    await engine.ask(["kill", name]).catch(() => {});
    await engine.ask(["rm", "--force", "--volumes", name]).catch(() => {});
  }
}

/** Runs tasks that are containers, with docker or podman, beside an executor for all others. */
export class ContainerExecutor implements Executor {
  readonly #others: Executor;
  readonly #engine: ContainerEngine;
  readonly #options: ContainerExecutorOptions;
  readonly #images: Images;
  readonly #fileUser: string;
  readonly #sandboxes = new Set<Sandbox>();
  readonly #scratch = makeScratch(() => {
    for (const sandbox of this.#sandboxes) void sandbox.kill();
  });

  private constructor(others: Executor, engine: ContainerEngine, options: ContainerExecutorOptions) {
    this.#others = others;
    this.#engine = engine;
    this.#options = options;
    const user = process.getuid?.();
    const group = process.getgid?.();
    this.#fileUser = fileUser(
      engine,
      user === undefined || group === undefined ? undefined : { user, group },
    );
    this.#images = new Images(engine, options.limits);
  }

  /** @throws MusketeersError `SANDBOX_UNAVAILABLE` where no engine answers */
  static async open(others: Executor, options: ContainerExecutorOptions): Promise<ContainerExecutor> {
    const engine = await findEngine(options.limits);
    // Before the folders that they write to.
    await sweep(engine).catch(() => {});
    return new ContainerExecutor(others, engine, options);
  }

  get kind(): Executor["kind"] {
    return this.#others.kind;
  }

  get engineClass(): string {
    return this.#others.engineClass;
  }

  /**
   * Fetches what a task needs to start; whether its image may run was asked before.
   * @throws MusketeersError `IMAGE_UNAVAILABLE`, `GRANT_REFUSED`, `UNTRUSTED_CODE`, `INVALID_DATA`
   */
  async prepare({ task, code }: Pick<SandboxOrder, "task" | "code">): Promise<void> {
    if (task.entry !== CONTAINER_ENTRY) return;
    const { image } = decodeContainer(code);
    if (image !== task.image) {
      throw new MusketeersError(
        "UNTRUSTED_CODE",
        `Its code is a container of ${image}, and not what was asked for`,
      );
    }
    if (task.net.length > 0 && this.#options.network === undefined) {
      throw new MusketeersError("GRANT_REFUSED", "This worker gives containers no network", {
        hint: "Its volunteer grants one with --container-network.",
      });
    }
    await this.#images.ensure(image);
  }

  start(order: SandboxOrder, handlers: SandboxHandlers): Sandbox {
    if (order.task.entry !== CONTAINER_ENTRY) return this.#others.start(order, handlers);
    const spec = decodeContainer(order.code);
    const sandbox =
      spec.mode === "lines" ? this.#lines(spec, order, handlers) : this.#files(spec, order, handlers);
    this.#sandboxes.add(sandbox);
    void sandbox.gone.then(() => this.#sandboxes.delete(sandbox));
    return sandbox;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sandboxes].map((sandbox) => sandbox.kill()));
    await this.#scratch.remove();
    await this.#others.close();
  }

  #lines(spec: ContainerSpec, order: SandboxOrder, handlers: SandboxHandlers): LinesSandbox {
    const name = newName();
    const args = this.#arguments({ name, spec, task: order.task });
    const sandbox = new LinesSandbox({
      engine: this.#engine,
      name,
      args,
      order,
      limits: this.#options.limits,
      handlers,
    });
    return sandbox;
  }

  #files(spec: ContainerSpec, order: SandboxOrder, handlers: SandboxHandlers): FilesSandbox {
    const own = newName();
    return new FilesSandbox({
      engine: this.#engine,
      order,
      handlers,
      limits: this.#options.limits,
      directory: join(this.#scratch.path, own),
      nameOf: (at) => `${own}-${at}`,
      argsOf: (name, files) =>
        this.#arguments({ name, spec, task: order.task, files: { ...files, user: this.#fileUser } }),
    });
  }

  #arguments(options: Pick<RunOptions, "name" | "spec" | "task" | "files">): readonly string[] {
    return runArguments({
      ...options,
      network: this.#options.network,
      engine: this.#engine.name,
      label: machine,
      limits: this.#options.limits,
    });
  }
}

const newName = (): string => `musketeers-${process.pid}-${newId()}`;
