/** Which hub an event is about; `url` where the worker has several. */
interface OfHub {
  readonly hub: string;
  readonly url?: string;
}

/** What the keeper of a worker that follows its hub's version adds to them. */
export type ReleaseEvent =
  | { readonly event: "updating" | "updated" | "went-back"; readonly version: string }
  | { readonly event: "not-updated"; readonly code: string; readonly message: string; readonly hint: string };

/** What `musketeers join --json` prints, one a line, and what a local worker tells the process that started it. */
export type JoinEvent =
  | (OfHub & {
      readonly event: "joined";
      readonly name: string;
      readonly slots: number;
      readonly memoryBytes: number;
      readonly sandbox: string;
      readonly allowNet: readonly string[];
      /** Images of containers; not there where none run. */
      readonly allowImages?: readonly string[];
      /** On which its neighbours fetch data; not there where nobody does. */
      readonly servePort?: number;
    })
  | (Partial<OfHub> & {
      readonly event: "disconnected";
      /** `HUB_IDENTITY`: another hub answers at its address. */
      readonly code?: "HUB_IDENTITY";
      readonly message: string;
      readonly retryInMs: number;
      /** What to look at, where the hub was not reached even once. */
      readonly hint?: string;
    })
  | (OfHub & { readonly event: "reconnected" })
  | { readonly event: "paused"; readonly reason: string }
  | { readonly event: "resumed" }
  | (Partial<OfHub> & {
      readonly event: "refused";
      readonly task: string;
      readonly code: string;
      readonly message: string;
    })
  /** Some code asks for more than was granted; `request` is what `musketeers worker grant` takes. */
  | (Partial<OfHub> & {
      readonly event: "asks";
      readonly request: string;
      readonly project: string;
      readonly submitter: string;
      readonly task: string;
      readonly net: readonly string[];
      readonly memoryBytes: number;
      readonly images?: readonly string[];
    })
  /** One of several hubs was left; with a message it refused the worker. */
  | (OfHub & { readonly event: "ended"; readonly code?: string; readonly message?: string })
  | { readonly event: "left"; readonly inputsDone: number; readonly inputsFailed: number };
