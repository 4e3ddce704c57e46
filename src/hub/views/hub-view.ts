import type { Engine } from "../../engine/index.ts";
import type { Limits } from "../../protocol/index.ts";
import type { Scheduler } from "../../scheduler/index.ts";
import type { Credit } from "../credit/index.ts";
import type { Datasets } from "../datasets/datasets.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Retention } from "../journal/retention.ts";
import type { Peers } from "../peers/peers.ts";
import type { ProjectBooks } from "../projects/project-books.ts";
import type { Custody } from "../recovery/custody.ts";
import type { Consents } from "../workers/consents.ts";
import type { TaskLogs } from "../workers/task-logs.ts";
import type { WorkerSession } from "../workers/worker-session.ts";
import type { CallHost } from "./call-host.ts";
import type { Throughput } from "./throughput.ts";

/** A hub as those look at it who say what there is: answers to calls, pages, metrics. */
export interface HubView {
  readonly limits: Limits;
  readonly scheduler: Scheduler;
  readonly jobs: Jobs;
  readonly workers: ReadonlyMap<string, WorkerSession>;
  readonly datasets: Datasets;
  readonly books: ProjectBooks;
  readonly credit: Credit;
  readonly logs: TaskLogs;
  readonly callHost: Pick<CallHost, "name" | "upSinceMs" | "invites">;
  readonly consents: Pick<Consents, "explain">;
  readonly custody: Pick<Custody, "warnings" | "replicas" | "keepers">;
  readonly engine: Pick<Engine, "faults" | "blobs" | "journal">;
  readonly peers: Pick<Peers, "complaintsOf">;
  readonly retention: Pick<Retention, "fault">;
  readonly throughput: Pick<Throughput, "total" | "failed" | "perSecond">;
  /** Over HTTP, since the start. */
  readonly blobBytesSent: number;
  wallMs(): number;
}
