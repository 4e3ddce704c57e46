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
  | { readonly event: "disconnected"; readonly message: string; readonly retryInMs: number }
  | { readonly event: "reconnected"; readonly hub: string }
  | { readonly event: "refused"; readonly task: string; readonly message: string }
  | { readonly event: "left"; readonly inputsDone: number; readonly inputsFailed: number };
