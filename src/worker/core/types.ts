import type {
  AckMessage,
  FailureMark,
  LeaseMessage,
  ReturnReason,
  RevokeMessage,
  TaskSpec,
  TrimMessage,
} from "../../protocol/index.ts";

/*
 * Words of the worker's state machine.
 *
 * lease     records of one unit, run in order on one slot; `position` counts from its first record
 * run       records of one lease that were handed to a sandbox together; has a number of its own
 * handed    begun: the sandbox has them, they cannot be trimmed any more
 * reported  their results are made; they are in the hub's hands or wait for its acknowledgement
 */

/** Results of consecutive records. */
export interface Results {
  readonly count: number;
  /** Packed records, one for each, values and failures alike. */
  readonly block: Uint8Array;
  readonly failures: readonly FailureMark[];
  readonly elapsedMs: number;
  /** What they used of a processor, where the system tells. */
  readonly cpuMs?: number;
}

/** What happened. */
export type WorkerEvent =
  | { readonly type: "LeaseReceived"; readonly message: LeaseMessage; readonly body: Uint8Array }
  | { readonly type: "TrimReceived"; readonly message: TrimMessage }
  | { readonly type: "RevokeReceived"; readonly message: RevokeMessage }
  | { readonly type: "AckReceived"; readonly message: AckMessage }
  /** The first record without a result saved a state, as one record. */
  | { readonly type: "StateSaved"; readonly slot: number; readonly run: number; readonly state: Uint8Array }
  /** The next results of a slot. */
  | { readonly type: "RunProgressed"; readonly slot: number; readonly run: number; readonly results: Results }
  /**
   * The slot's sandbox is gone, with all runs in it. `exact`: it is sure that the first record without a
   * result is to blame.
   */
  | {
      readonly type: "SandboxDied";
      readonly slot: number;
      /** Any of the runs that it had. */
      readonly run: number;
      readonly kind: "timeout" | "crash";
      readonly message: string;
      readonly exact: boolean;
    }
  /** The run cannot begin here: grants, code, a sandbox that does not start. */
  | {
      readonly type: "RunRefused";
      readonly slot: number;
      readonly run: number;
      readonly reason: "refused" | "overload";
      readonly message: string;
    }
  /** Connected, again or for the first time; the presented leases that are to go on. */
  | { readonly type: "LinkUp"; readonly adopted: readonly string[] }
  | { readonly type: "LinkDown" }
  /** Take nothing new, finish what the sandboxes have, hand back the rest, leave. */
  | { readonly type: "DrainRequested" }
  /** What is not finished by now is handed back. */
  | { readonly type: "DrainExpired" }
  /** Begin nothing and take nothing; what runs stays where it is. */
  | { readonly type: "PauseRequested" }
  /** It takes too long: what is not finished is handed back. */
  | { readonly type: "PauseExpired" }
  | { readonly type: "Resumed" }
  /** The machine's slot is this hub's until the lease that begins there is over. */
  | { readonly type: "SlotGranted"; readonly slot: number }
  /** The slot is somebody else's: what runs there is stopped, and what has no result waits again. */
  | { readonly type: "SlotWithdrawn"; readonly slot: number }
  /** Its volunteer lends so many slots from now on; what runs in others ends there. */
  | { readonly type: "SlotsOpened"; readonly slots: number };

/** What is to be done. */
export type WorkerInstruction =
  /** Run records on a slot; runs of a slot follow each other in one sandbox. */
  | {
      readonly type: "Run";
      readonly slot: number;
      readonly run: number;
      readonly lease: string;
      readonly task: TaskSpec;
      readonly count: number;
      readonly block: Uint8Array;
      /** Report each record by itself, so that a death shows whose it was. */
      readonly careful: boolean;
    }
  /** Kill the slot's sandbox and forget its runs. */
  | { readonly type: "Kill"; readonly slot: number }
  /** Nobody wants what the slot's sandbox gives: forget its runs, and keep it for others if it is done soon. */
  | { readonly type: "Abandon"; readonly slot: number }
  | {
      readonly type: "SendProgress";
      readonly lease: string;
      readonly from: number;
      readonly results: Results;
      readonly done: boolean;
    }
  | {
      readonly type: "SendReturn";
      readonly lease: string;
      readonly reason: ReturnReason;
      readonly message: string;
    }
  | {
      readonly type: "SendState";
      readonly lease: string;
      readonly position: number;
      readonly state: Uint8Array;
    }
  /** All is handed back: say so and go. Comes once. */
  | { readonly type: "Leave" };

export interface WorkerConfig {
  readonly slots: number;
  readonly resultBytesUnackedMax: number;
  /** What a run should take. */
  readonly progressIntervalMs: number;
  readonly blockBytesTarget: number;
  /** Slots are other hubs' too: a lease begins only where one was granted. */
  readonly sharesSlots?: boolean;
}
