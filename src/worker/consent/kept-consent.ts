import { statSync } from "node:fs";
import { type Asks, missingOf, noAsks } from "./asks.ts";
import type { Consent } from "./consent.ts";
import type { ConsentFile } from "./consent-file.ts";
import { type ConsentRequest, requestId } from "./request.ts";

export interface KeptConsentOptions {
  readonly file: ConsentFile;
  /** The project's id, its name and its hub. */
  readonly of: string;
  readonly project: string;
  readonly hub: string;
  readonly pollMs: number;
  readonly nowMs: () => number;
  /** There is a new question. */
  readonly onRequest: (request: ConsentRequest) => void;
}

/** A project's consent as it stands in the file, looked at again when that changes. */
export class KeptConsent implements Consent {
  readonly #options: KeptConsentOptions;
  #granted: Asks = noAsks;
  #stamp = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #asked = new Set<string>();
  onChange: () => void = () => {};

  constructor(options: KeptConsentOptions) {
    this.#options = options;
  }

  /** @throws MusketeersError `BAD_ARGUMENT` where the file cannot be understood */
  async start(): Promise<void> {
    this.#stamp = stampOf(this.#options.file.path);
    this.#granted = (await this.#options.file.grantedTo(this.#options.of)) ?? noAsks;
    this.#next();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next = () => {};
  }

  get granted(): Asks {
    return this.#granted;
  }

  /** Resolves when what was asked stands in the file. */
  get settled(): Promise<void> {
    return this.#writing;
  }

  ask(question: Omit<ConsentRequest, "id" | "of" | "project" | "hub" | "atMs">): void {
    const { file, of, project, hub, nowMs, onRequest } = this.#options;
    const bare = { ...question, of, project, hub, atMs: nowMs() };
    const request = { ...bare, id: requestId(bare) };
    if (this.#asked.has(request.id)) return;
    this.#asked.add(request.id);
    this.#writing = this.#writing
      // It is told once a run, also where it stood in the file already.
      .then(async () => void (await file.ask(request)))
      .catch(() => {})
      .then(() => onRequest(request));
  }

  #next: () => void = () => {
    this.#timer = setTimeout(() => void this.#look(), this.#options.pollMs);
    this.#timer.unref();
  };

  async #look(): Promise<void> {
    const { file, of } = this.#options;
    try {
      const stamp = stampOf(file.path);
      if (stamp !== this.#stamp) {
        const granted = (await file.grantedTo(of)) ?? noAsks;
        this.#stamp = stamp;
        const before = this.#granted;
        this.#granted = granted;
        if (missingOf(before, granted) ?? missingOf(granted, before)) this.onChange();
      }
    } catch {
      // What cannot be read or understood changes nothing.
    }
    this.#next();
  }
}

/** What changes with a file. A look once a second should wake no thread for files. */
function stampOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs}:${size}:${ino}`;
  } catch {
    return "";
  }
}
