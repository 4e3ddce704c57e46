import type { Asks } from "../consent/asks.ts";

/**
 * How far a tab is: connecting (also again); with work; connected and without; stopped by its volunteer or a rule of
 * theirs; gone; refused by the hub, or unable to keep tasks from the page.
 */
export type TabPhase = "joining" | "working" | "waiting" | "paused" | "left" | "refused";

/** A unit that runs. */
export interface TabUnit {
  /** Tells units apart, and says nothing else. */
  readonly job: string;
  readonly task: string;
  readonly inputs: number;
  readonly done: number;
}

/** What ran here of one task of one submitter, since the tab began. */
export interface TabTask {
  readonly task: string;
  /** Empty where nobody signed it. */
  readonly submitter: string;
  readonly units: number;
  readonly inputs: number;
  readonly failed: number;
  /** Time that its inputs took, on all slots. */
  readonly seconds: number;
}

/** Seconds are those of a core of the reference speed. */
export interface TabCredit {
  readonly inputs: number;
  readonly seconds: number;
}

/** Some code of the project asks for more than was granted; it does not run here until `grant`. */
export interface TabRequest extends Asks {
  readonly id: string;
  readonly task: string;
  readonly submitter: string;
}

/** Plain data, as it is at one moment. */
export interface TabState {
  readonly phase: TabPhase;
  /** For people: why it pauses, or does not get on. */
  readonly why?: string;
  readonly slots: number;
  /** What tasks find here: `wasm`, `webgpu`. */
  readonly capabilities: readonly string[];
  readonly running: readonly TabUnit[];
  readonly done: {
    readonly inputs: number;
    /** Among `inputs`. */
    readonly failed: number;
    readonly units: number;
    readonly seconds: number;
  };
  /** What of it was accepted, with all else of whom the invite stands for in this project; not there until it is known. */
  readonly credit?: TabCredit;
  /** The latest first; the oldest are forgotten after some hundred. */
  readonly jobs: readonly TabTask[];
  readonly requests: readonly TabRequest[];
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** Before anything has happened. */
export const newTabState = (slots: number): TabState => ({
  phase: "joining",
  slots,
  capabilities: [],
  running: [],
  done: { inputs: 0, failed: 0, units: 0, seconds: 0 },
  jobs: [],
  requests: [],
});
