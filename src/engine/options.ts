import { defaultLimits, type Limits } from "../protocol/index.ts";

export type EngineLimits = Pick<
  Limits,
  | "blobBytesMax"
  | "recordBytesMax"
  | "segmentBytesTarget"
  | "packBytesTarget"
  | "packedBlobBytesMax"
  | "commitBytesMax"
  | "syncIntervalMs"
  | "registryValueBytesMax"
  | "storageRetryMinMs"
  | "storageRetryMaxMs"
>;

export interface EngineOptions {
  readonly limits?: Partial<EngineLimits>;
  /** Milliseconds since 1970; expiry in the registry follows it. */
  readonly nowMs?: () => number;
}

export const engineLimits = (options: EngineOptions): EngineLimits => ({
  ...defaultLimits,
  ...options.limits,
});
