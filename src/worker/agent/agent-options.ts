import type { BlobCache, HubFetch } from "../../data/index.ts";
import type { OpenSocket } from "../../link/index.ts";
import type { Limits, MusketeersError, WorkerDescription } from "../../protocol/index.ts";
import type { Invite, KeySigner } from "../../security/index.ts";
import type { Tracer } from "../../tracing/index.ts";
import type { Consent } from "../consent/consent.ts";
import type { ConsentRequest } from "../consent/request.ts";
import type { DiaryFile } from "../diary/diary-file.ts";
import type { Executor } from "../executors/port.ts";
import type { Machine } from "../machine/machine.ts";
import type { Surroundings } from "../neighbours/blob-exchange.ts";
import type { Shelf } from "../replicas/catalogue-keeper.ts";
import type { ReplicaStore } from "../replicas/replica-store.ts";
import type { SandboxPool } from "../slots/sandbox-pool.ts";
import type { Seats } from "../slots/seats.ts";
import type { Refusal } from "./admission.ts";

/** What a worker tells whoever started it. */
export type WorkerNotice =
  | { readonly type: "connected"; readonly hub: string }
  | { readonly type: "disconnected"; readonly error: MusketeersError; readonly retryInMs: number }
  | { readonly type: "draining" }
  /** Inputs whose results came out of the sandboxes; `failed` are among `done`. */
  | { readonly type: "ran"; readonly done: number; readonly failed: number }
  /** The machine is its volunteer's for now, and why; comes again where the reason changes. */
  | { readonly type: "paused"; readonly reason: string }
  | { readonly type: "resumed" }
  | (Refusal & { readonly type: "refused" })
  /** Some code of the project asks for more than was granted. */
  | { readonly type: "asks"; readonly request: ConsentRequest };

/** What agents of one machine share, where it works for several hubs. */
export interface Shared {
  readonly seats: Seats;
  /** Which of them this is. */
  readonly hub: number;
}

export interface AgentOptions {
  readonly invite: Invite;
  readonly openSocket: OpenSocket;
  readonly machineKey?: Uint8Array | KeySigner;
  /** How to speak HTTP with the hub; the platform's where it is undefined. */
  readonly fetch?: HubFetch | undefined;
  readonly executor: Executor;
  readonly machine: Machine;
  readonly description: WorkerDescription;
  readonly limits: Limits;
  readonly onNotice: (notice: WorkerNotice) => void;
  readonly shared?: Shared;
  /** The executor's sandboxes; this agent closes both, unless they are shared. */
  readonly pool: SandboxPool;
  /** Where blobs are kept near at hand; without one each is fetched whenever it is needed. */
  readonly cache?: BlobCache;
  /** Where this machine is and what it serves there; without it there are no neighbours. */
  readonly surroundings?: Surroundings;
  /** Where the hub's catalogue is kept; in memory where nothing is said. */
  readonly shelf?: Shelf;
  /** The same of its accounts. */
  readonly accountsShelf?: Shelf;
  /** Where it writes down what it did; nowhere where nothing is said. */
  readonly diaryFile?: Pick<DiaryFile, "append">;
  /** Where traces are asked for. */
  readonly tracer?: Tracer | undefined;
  /** Its volunteer, who can be asked for more than flags allow. */
  readonly consent?: Consent;
  /** Where folders are kept for the hub; without it this worker keeps none. `cache` includes it. */
  readonly replicas?: ReplicaStore;
}
