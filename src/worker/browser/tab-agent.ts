import { openPlatformSocket } from "../../link/index.ts";
import {
  defaultLimits,
  MusketeersError,
  PACKAGE_VERSION,
  toMusketeersError,
  type WorkerDescription,
} from "../../protocol/index.ts";
import { type Invite, LINK_PATH, parseInvite } from "../../security/index.ts";
import { Agent } from "../agent/agent.ts";
import type { WorkerNotice } from "../agent/agent-options.ts";
import type { Asks } from "../consent/asks.ts";
import { projectIdOf } from "../consent/request.ts";
import { createBrowserExecutor } from "../executors/browser/executor.ts";
import type { Frame } from "../executors/browser/frame-sandbox.ts";
import type { Executor } from "../executors/port.ts";
import { measureSpeed } from "../machine/machine.ts";
import { SandboxPool } from "../slots/sandbox-pool.ts";
import type { StartMessage } from "./messages.ts";
import { type Findings, permitsPages, probe } from "./probe.ts";
import type { TabPhase, TabState } from "./state.ts";
import { TabBooks } from "./tab-books.ts";
import { newTabCache } from "./tab-cache.ts";
import { TabConsent } from "./tab-consent.ts";
import { TabCreditBook } from "./tab-credit.ts";
import { tabKey } from "./tab-key.ts";
import { engineClassOf, tabMachine } from "./tab-machine.ts";
import { TabStore } from "./tab-store.ts";

export interface TabAgentOptions {
  readonly start: StartMessage;
  /** Of the hub that served the page, such as `https://hub.example`. */
  readonly origin: string;
  readonly openFrame: (net: readonly string[]) => Frame;
  readonly onState: (state: TabState) => void;
}

const limits = { ...defaultLimits, workerLogIntervalMs: 1_000 };
/** States are told at most so often. */
const STATE_INTERVAL_MS = 200;

/** The hub of the page: its policy lets it connect to no other. The invite's keys say whether it is the right one. */
const atOrigin = (invite: Invite, origin: string): Invite => ({
  ...invite,
  url: origin,
  wsUrl: origin.replace(/^http/, "ws") + LINK_PATH,
});

/** One tab's agent, and what its page is told of it. */
export class TabAgent {
  readonly #options: TabAgentOptions;
  readonly #store = new TabStore();
  readonly #books = new TabBooks();
  readonly #credit: TabCreditBook;
  readonly #executor: Executor;
  #agent: Agent | undefined;
  #consent: TabConsent | undefined;
  #phase: TabPhase = "joining";
  #why: string | undefined;
  #pausedFor: string | undefined;
  #error: MusketeersError | undefined;
  #slots: number;
  #findings: Findings | undefined;
  #connected = false;
  #leaving = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: TabAgentOptions) {
    this.#options = options;
    this.#slots = this.#allowed(options.start.slots);
    this.#credit = new TabCreditBook({
      url: options.origin,
      token: () => this.#agent?.token ?? "",
      onChange: () => this.#changed(),
    });
    const engineClass = engineClassOf(tabMachine.kind());
    this.#executor = createBrowserExecutor({ engineClass, limits, openFrame: options.openFrame });
  }

  /** Runs until it has left. */
  async run(): Promise<void> {
    try {
      await this.#join();
      await this.#agent?.closed;
      this.#phase = "left";
    } catch (thrown) {
      this.#error = toMusketeersError(thrown);
      this.#phase = "refused";
      this.#why = this.#error.message;
    }
    await this.#executor.close();
    await this.#agent?.diary?.close();
    clearTimeout(this.#timer);
    this.#credit.stop();
    this.#options.onState(this.#state());
  }

  /** @param reason undefined: goes on */
  pause(reason: string | undefined): void {
    this.#pausedFor = reason;
    if (reason === undefined) this.#agent?.resume();
    else this.#agent?.pause(reason);
    this.#changed();
  }

  setSlots(slots: number): void {
    this.#slots = this.#allowed(slots);
    this.#agent?.lend(this.#slots);
    this.#changed();
  }

  grant(asks: Asks): void {
    void this.#consent?.grant(asks);
  }

  leave(): void {
    this.#leaving = true;
    void this.#agent?.drain().catch(() => {});
  }

  async #join(): Promise<void> {
    const { start, origin } = this.#options;
    const parsed = parseInvite(start.invite);
    if (parsed.role !== "worker") {
      throw new MusketeersError("FORBIDDEN", "This invite is not for workers", {
        hint: "Open it to look at the hub; ask its operator for one that adds a machine.",
      });
    }
    this.#findings = await probe(this.#executor, `${origin}/healthz`);
    this.#consent = await this.#openConsent(parsed, start.accept);
    const machineKey = await tabKey(this.#store);
    if (this.#leaving) return;
    const agent = new Agent({
      invite: atOrigin(parsed, origin),
      openSocket: openPlatformSocket,
      machineKey,
      executor: this.#executor,
      machine: tabMachine,
      pool: new SandboxPool(this.#executor, limits),
      description: this.#describe(this.#findings),
      limits,
      cache: newTabCache(limits),
      consent: this.#consent,
      diaryFile: {
        append: async (entries) => {
          this.#books.add(entries);
          this.#changed();
        },
      },
      onNotice: (notice) => this.#onNotice(notice),
    });
    this.#agent = agent;
    agent.lend(this.#slots);
    if (this.#pausedFor !== undefined) agent.pause(this.#pausedFor);
    agent.start().catch(() => {});
    this.#changed();
  }

  async #openConsent(invite: Invite, accept: Asks): Promise<TabConsent> {
    const { host, protocol } = new URL(this.#options.origin);
    // Pages that came encrypted may fetch nothing that does not.
    const schemes = protocol === "https:" ? (["https"] as const) : (["https", "http"] as const);
    const consent = new TabConsent({
      of: projectIdOf(invite),
      store: this.#store,
      // Nothing of the hub's is a task's.
      permits: async (name) => name !== host && permitsPages(this.#executor, name, schemes),
      requestsMax: limits.consentRequestsMax,
      onRequests: () => this.#changed(),
    });
    await consent.start(accept);
    return consent;
  }

  #describe({ wasm, webgpu }: Findings): WorkerDescription {
    const { engine, system, arch } = tabMachine.kind();
    return {
      name: (this.#options.start.name ?? `${engine}-${system}`).slice(0, 64),
      version: PACKAGE_VERSION,
      platform: "browser",
      arch: arch === "" ? "unknown" : arch,
      cores: tabMachine.cores(),
      memoryBytes: tabMachine.memoryBytes(),
      slots: this.#allowed(Number.POSITIVE_INFINITY),
      sandbox: "browser",
      engineClass: this.#executor.engineClass,
      allowNet: [],
      labels: [],
      capabilities: [...(wasm ? ["wasm"] : []), ...(webgpu ? ["webgpu"] : [])],
      unitMsMax: limits.tabUnitMsMax,
      speed: measureSpeed(),
    };
  }

  /** No more slots than cores. */
  #allowed(slots: number): number {
    const most = Math.min(tabMachine.cores(), limits.slotsPerWorkerMax);
    return Math.max(1, Math.min(Number.isNaN(slots) ? 1 : Math.floor(slots), most));
  }

  #onNotice(notice: WorkerNotice): void {
    switch (notice.type) {
      case "connected":
        this.#connected = true;
        this.#credit.look();
        this.#why = undefined;
        break;
      case "disconnected":
        this.#connected = false;
        this.#why = notice.error.message;
        break;
      case "ran":
        this.#books.ran(notice.done, notice.failed);
        this.#credit.look();
        break;
      case "refused":
        this.#why = `${notice.task}: ${notice.message}`;
        break;
      case "draining":
        this.#leaving = true;
        break;
      default:
    }
    this.#changed();
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#phase !== "joining") return;
      this.#options.onState(this.#state());
    }, STATE_INTERVAL_MS);
  }

  #state(): TabState {
    const running = (this.#phase === "joining" ? (this.#agent?.running ?? []) : []).map(
      ({ lease, task, inputs, done }) => ({ job: lease.slice(0, 16), task, inputs, done }),
    );
    const why = this.#pausedFor ?? this.#why;
    const { wasm = false, webgpu = false } = this.#findings ?? {};
    return {
      phase: this.#phaseWith(running.length),
      ...(why === undefined ? {} : { why }),
      slots: this.#slots,
      capabilities: [...(wasm ? ["wasm"] : []), ...(webgpu ? ["webgpu"] : [])],
      running,
      ...this.#books.sums(),
      ...(this.#credit.known === undefined ? {} : { credit: this.#credit.known }),
      requests: this.#consent?.requests ?? [],
      ...(this.#error === undefined
        ? {}
        : { error: { code: this.#error.code, message: this.#error.message, ...hintOf(this.#error) } }),
    };
  }

  #phaseWith(running: number): TabPhase {
    if (this.#phase !== "joining") return this.#phase;
    if (this.#pausedFor !== undefined) return "paused";
    if (!this.#connected) return "joining";
    return running > 0 ? "working" : "waiting";
  }
}

const hintOf = ({ hint }: MusketeersError): { readonly hint?: string } =>
  hint === undefined ? {} : { hint };
