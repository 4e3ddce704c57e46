import type { Limits, MusketeersError } from "../../protocol/index.ts";
import type { Tracer } from "../../tracing/index.ts";
import type { TlsOptions } from "../http/tls.ts";
import type { Backup } from "./backup.ts";

export interface HubOptions extends TlsOptions {
  /** `host:port`; port 0 picks one. */
  readonly listen?: string;
  /** The address that invites name, such as `http://192.168.0.5:7077`, where it is not what `listen` says. */
  readonly advertise?: string;
  /** Data directory; without one nothing survives the process. */
  readonly data?: string;
  readonly durability?: "default" | "strict";
  /** A hub's backup, to go on from where its disk is lost; the data directory is new, or that hub's. */
  readonly recover?: Backup;
  /** What people see. */
  readonly name?: string;
  readonly limits?: Partial<Limits>;
  /** Where traces go; the variables of OpenTelemetry say so where nothing is said. */
  readonly tracer?: Tracer;
  /** Told about faults after which the hub closed itself. */
  readonly onFault?: (error: MusketeersError) => void;
  /** Told what an operator should know, in a sentence. */
  readonly onNotice?: (notice: string) => void;
}
