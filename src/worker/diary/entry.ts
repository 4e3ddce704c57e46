import { z } from "zod";

/* A line of the volunteer's log: what ran of one task for some seconds. */

const denied = z.object({
  permission: z.string(),
  target: z.string(),
  by: z.enum(["sandbox", "task"]),
  count: z.number(),
});

const entry = z.object({
  /** Milliseconds since 1970. */
  fromMs: z.number(),
  untilMs: z.number(),
  hub: z.string(),
  project: z.string(),
  /** Label of the certificate that its code came with; empty where nobody signed it. */
  submitter: z.string(),
  task: z.string(),
  /** CID of the code. */
  bundle: z.string(),
  units: z.number(),
  inputs: z.number(),
  failed: z.number(),
  /** Processor time of its sandboxes; where the system does not tell, the time that inputs took. */
  cpuMs: z.number(),
  /** Of inputs, and of results. */
  bytesIn: z.number(),
  bytesOut: z.number(),
  /** What did not come to its usual end, how often, and why. */
  endings: z.record(z.string(), z.number()),
  denied: z.array(denied),
  /** Denials of other things than those, of which there were too many. */
  deniedMore: z.number(),
});

export type DiaryEntry = z.infer<typeof entry>;
export type DeniedCount = z.infer<typeof denied>;

/** Reads a line; undefined for what is none, such as one that was cut by a full disk. */
export function parseEntry(line: string): DiaryEntry | undefined {
  try {
    return entry.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
