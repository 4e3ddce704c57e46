/** One job of a round, as its client is told of it. */
export interface Assignment {
  /** Unique in its round. */
  readonly name: string;
  readonly client: "mapper" | "submitter";
  readonly task: "cheap" | "slow" | "large" | "failing" | "flaky" | "hungry";
  /** Attached, or detached and read afterwards. */
  readonly way: "map" | "submit";
  /** Inputs. */
  readonly count: number;
  readonly ordered: boolean;
}

/** What a client program is started with. */
export interface ClientBrief {
  readonly invite: string;
  /** The web site that flaky tasks ask. */
  readonly siteUrl: string;
  readonly assignments: readonly Assignment[];
  /** Jobs that an earlier life of the program submitted, by the assignment's name. */
  readonly jobs: Readonly<Record<string, string>>;
}

/** What came of one input, small enough for a line. */
export interface OutcomeLine {
  readonly type: "outcome";
  readonly name: string;
  readonly index: number;
  readonly worker: string;
  /** A value that is large is told by its length and its SHA-256. */
  readonly value?: unknown;
  readonly error?: { readonly kind: string; readonly name: string; readonly message: string };
}

/** What a client program prints, one a line. */
export type ClientLine =
  | OutcomeLine
  | { readonly type: "submitted"; readonly name: string; readonly job: string }
  | { readonly type: "ended"; readonly name: string }
  | { readonly type: "failed"; readonly name: string; readonly message: string };
