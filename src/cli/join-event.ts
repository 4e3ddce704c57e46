/** What `musketeers join --json` prints, one a line, and what a local worker tells the process that started it. */
export type JoinEvent =
  | {
      readonly event: "joined";
      readonly hub: string;
      readonly name: string;
      readonly slots: number;
      readonly memoryBytes: number;
      readonly sandbox: string;
      readonly allowNet: readonly string[];
    }
  /** Here and below, of a worker with one hub there is no `hub`. */
  | {
      readonly event: "disconnected";
      readonly hub?: string;
      readonly message: string;
      readonly retryInMs: number;
    }
  | { readonly event: "reconnected"; readonly hub: string }
  | { readonly event: "refused"; readonly hub?: string; readonly task: string; readonly message: string }
  /** One of several hubs was left; with a message it refused the worker. */
  | { readonly event: "ended"; readonly hub: string; readonly code?: string; readonly message?: string }
  | { readonly event: "left"; readonly inputsDone: number; readonly inputsFailed: number };
