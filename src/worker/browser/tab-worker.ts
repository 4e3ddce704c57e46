import { PACKAGE_VERSION } from "../../protocol/index.ts";
import type { Asks } from "../consent/asks.ts";
import { type FramePage, Frames } from "./frames.ts";
import type { ToAgent, ToPage } from "./messages.ts";
import { newTabState, type TabState } from "./state.ts";

/** When a tab works at all. */
export interface TabRules {
  /** Pauses while the page cannot be seen. */
  readonly onlyWhenVisible?: boolean;
  /** Pauses on a battery, where the browser tells. */
  readonly onlyWhenCharging?: boolean;
}

export interface TabOptions extends TabRules {
  /** An invite for workers, of the hub that served the page. */
  readonly invite: string;
  /** What others see; the browser's name where nothing is said. */
  readonly name?: string;
  /** Things that may run at once. */
  readonly slots: number;
  /** What its volunteer agreed to. */
  readonly accept: Asks;
  /** Leaves. */
  readonly signal?: AbortSignal;
}

interface Battery {
  readonly charging: boolean;
  addEventListener(type: "chargingchange", listener: () => void): void;
  removeEventListener(type: "chargingchange", listener: () => void): void;
}

interface AgentWorker {
  onmessage: ((event: { readonly data: ToPage }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
  postMessage(message: ToAgent): void;
  terminate(): void;
}

/** The part of a page that a tab's worker uses. */
interface Page extends FramePage {
  readonly Worker: new (url: string, options: { type: "module" }) => AgentWorker;
  readonly document: FramePage["document"] & {
    readonly visibilityState: string;
    addEventListener(type: "visibilitychange", listener: () => void): void;
    removeEventListener(type: "visibilitychange", listener: () => void): void;
  };
  readonly navigator: { getBattery?(): Promise<Battery> };
}

/** Where the hub serves the agent's program; see its `tab-routes.ts`. */
const AGENT_PATH = "tab/agent.js";

const reasons = {
  told: "Paused.",
  hidden: "Paused while the page cannot be seen.",
  battery: "Paused while on a battery.",
} as const;

type Reason = keyof typeof reasons;

/**
 * A browser tab that works for the hub that served its page. The agent runs in a worker of its own, whose timers are not
 * slowed down while the page is in the background; the page gives it the frames that tasks run in.
 */
export class TabWorker {
  readonly #page: Page;
  readonly #agent: AgentWorker;
  readonly #frames: Frames;
  readonly #listeners = new Set<(state: TabState) => void>();
  readonly #paused = new Set<Reason>();
  readonly #ends: (() => void)[] = [];
  readonly #left: Promise<void>;
  #onLeft!: () => void;
  #state: TabState;
  #rules: TabRules;
  #onBattery = false;

  /** Begins; what becomes of it comes to `onState`. */
  static start(options: TabOptions): TabWorker {
    return new TabWorker(options, globalThis as unknown as Page);
  }

  private constructor(options: TabOptions, page: Page) {
    this.#page = page;
    this.#rules = options;
    this.#state = newTabState(options.slots);
    this.#left = new Promise((resolve) => {
      this.#onLeft = resolve;
    });
    this.#frames = new Frames(page, PACKAGE_VERSION, (frame, why) =>
      this.#tell({ type: "gone", frame, why }),
    );
    this.#agent = new page.Worker(`${AGENT_PATH}?v=${PACKAGE_VERSION}`, { type: "module" });
    this.#agent.onmessage = ({ data }) => this.#onMessage(data);
    this.#agent.onerror = ({ message }) => this.#fail(message ?? "The hub's program for tabs does not load");
    const { invite, name, slots, accept, signal } = options;
    this.#tell({ type: "start", invite, name, slots, accept });
    this.#watchVisibility();
    void this.#watchBattery();
    const leave = () => void this.leave();
    signal?.addEventListener("abort", leave, { once: true });
    if (signal?.aborted === true) leave();
  }

  get state(): TabState {
    return this.#state;
  }

  /** Calls back with how it is now and with each change; gives what ends that. */
  onState(listener: (state: TabState) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#state);
    return () => this.#listeners.delete(listener);
  }

  /** Takes no more work; what runs goes back to the hub, which gives it to others. */
  pause(): void {
    this.#setPaused("told", true);
  }

  resume(): void {
    this.#setPaused("told", false);
  }

  /** @param slots at most as many as the browser says that there are cores */
  setSlots(slots: number): void {
    this.#tell({ type: "slots", slots });
  }

  /** When it works from now on. */
  setRules(rules: TabRules): void {
    this.#rules = rules;
    this.#look();
  }

  /** Lets tasks of the project have this, besides what they have. */
  grant(asks: Asks): void {
    this.#tell({ type: "grant", asks });
  }

  /** Finishes or hands back what it has, and leaves. Closing the page does the latter by force, and loses nothing. */
  leave(): Promise<void> {
    if (this.#state.phase !== "left" && this.#state.phase !== "refused") this.#tell({ type: "leave" });
    return this.#left;
  }

  #tell(message: ToAgent): void {
    this.#agent.postMessage(message);
  }

  #onMessage(message: ToPage): void {
    switch (message.type) {
      case "open":
        this.#frames.open(message.frame, message);
        return;
      case "close":
        this.#frames.close(message.frame);
        return;
      case "state":
        this.#show(message.state);
    }
  }

  #show(state: TabState): void {
    this.#state = state;
    if (state.phase === "left" || state.phase === "refused") this.#end();
    for (const listener of this.#listeners) listener(state);
  }

  #fail(message: string): void {
    if (this.#state.phase === "left" || this.#state.phase === "refused") return;
    const error = { code: "SANDBOX_UNAVAILABLE", message, hint: "Load the page again." };
    this.#show({ ...this.#state, phase: "refused", why: message, running: [], error });
  }

  #end(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#frames.closeAll();
    this.#agent.terminate();
    this.#onLeft();
  }

  /** What the rules say at this moment. */
  #look(): void {
    const { onlyWhenVisible = false, onlyWhenCharging = false } = this.#rules;
    this.#setPaused("hidden", onlyWhenVisible && this.#page.document.visibilityState === "hidden");
    this.#setPaused("battery", onlyWhenCharging && this.#onBattery);
  }

  #setPaused(reason: Reason, paused: boolean): void {
    if (this.#paused.has(reason) === paused) return;
    if (paused) this.#paused.add(reason);
    else this.#paused.delete(reason);
    const [first] = this.#paused;
    this.#tell({ type: "pause", reason: first === undefined ? undefined : reasons[first] });
  }

  #watchVisibility(): void {
    const { document } = this.#page;
    const look = () => this.#look();
    document.addEventListener("visibilitychange", look);
    this.#ends.push(() => document.removeEventListener("visibilitychange", look));
    look();
  }

  async #watchBattery(): Promise<void> {
    const battery = await this.#page.navigator.getBattery?.().catch(() => undefined);
    if (battery === undefined || this.#state.phase === "left") return;
    const look = () => {
      this.#onBattery = !battery.charging;
      this.#look();
    };
    battery.addEventListener("chargingchange", look);
    this.#ends.push(() => battery.removeEventListener("chargingchange", look));
    look();
  }
}
