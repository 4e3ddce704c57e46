import { type Asks, missingOf, noAsks, together } from "../consent/asks.ts";
import type { Consent } from "../consent/consent.ts";
import { type ConsentRequest, requestId } from "../consent/request.ts";
import type { TabRequest } from "./state.ts";
import type { TabStore } from "./tab-store.ts";

export interface TabConsentOptions {
  /** The project's id. */
  readonly of: string;
  readonly store: Pick<TabStore, "get" | "set">;
  /** Whether pages may read from a host, as it says itself (CORS). */
  readonly permits: (host: string) => Promise<boolean>;
  /** Questions that are kept; the oldest is dropped. See `consentRequestsMax`. */
  readonly requestsMax: number;
  readonly onRequests: () => void;
}

const isAsks = (value: unknown): value is Asks =>
  typeof value === "object" &&
  value !== null &&
  Array.isArray((value as Asks).net) &&
  (value as Asks).net.every((host) => typeof host === "string") &&
  Number.isFinite((value as Asks).memoryBytes);

/**
 * What the volunteer of a tab lets a project do, kept by the browser. Hosts that do not let pages read from them are of
 * no use here and are not offered, so that their tasks run elsewhere.
 */
export class TabConsent implements Consent {
  readonly #options: TabConsentOptions;
  /** What its volunteer said. */
  #said: Asks = noAsks;
  #granted: Asks = noAsks;
  #requests: TabRequest[] = [];
  onChange: () => void = () => {};

  constructor(options: TabConsentOptions) {
    this.#options = options;
  }

  /** Takes what was agreed to before, and now. */
  async start(accept: Asks): Promise<void> {
    const kept = await this.#options.store.get(this.#key);
    this.#said = isAsks(kept) ? together(kept, accept) : accept;
    await this.#settle();
    await this.#keep();
  }

  get granted(): Asks {
    return this.#granted;
  }

  get requests(): readonly TabRequest[] {
    return this.#requests;
  }

  async grant(more: Asks): Promise<void> {
    this.#said = together(this.#said, more);
    this.#requests = this.#requests.filter((each) => missingOf(this.#said, each) !== undefined);
    this.#options.onRequests();
    await this.#settle();
    this.onChange();
    await this.#keep();
  }

  ask({ task, submitter, net, memoryBytes }: Parameters<Consent["ask"]>[0]): void {
    // What was granted, and cannot be had from a page, is no question.
    if (missingOf(this.#said, { net, memoryBytes }) === undefined) return;
    const { of, requestsMax, onRequests } = this.#options;
    const about: Omit<ConsentRequest, "id"> = {
      ...{ of, task, submitter, net, memoryBytes },
      ...{ project: "", hub: "", atMs: 0 },
    };
    const id = requestId(about);
    if (this.#requests.some((known) => known.id === id)) return;
    this.#requests = [...this.#requests, { id, task, submitter, net, memoryBytes }].slice(-requestsMax);
    onRequests();
  }

  get #key(): string {
    return `consent ${this.#options.of}`;
  }

  async #settle(): Promise<void> {
    const { net, memoryBytes } = this.#said;
    const permitted = await Promise.all(net.map((host) => this.#options.permits(host)));
    this.#granted = { net: net.filter((_host, at) => permitted[at]), memoryBytes };
  }

  async #keep(): Promise<void> {
    await this.#options.store.set(this.#key, {
      net: [...this.#said.net],
      memoryBytes: this.#said.memoryBytes,
    });
  }
}
