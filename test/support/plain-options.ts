import type { JobOptions } from "../../src/protocol/index.ts";

/** Options of a job that asks for nothing in particular. */
export const plainOptions: JobOptions = {
  retries: 0,
  backoffMs: 0,
  maxAttempts: 3,
  priority: 0,
  needs: {},
  attached: false,
};
